"""The training workbench: every way of making such a model, on any causal model of Hugging Face, from the command line."""
