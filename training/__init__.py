"""Training: the corpus, the base model and the adapters."""
