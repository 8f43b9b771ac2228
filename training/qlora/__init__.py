"""QLoRA: one training in its own process, from a dataset and a base model to an adapter that the server may load."""
