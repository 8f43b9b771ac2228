"""Data: what a case leaves behind, made into rows for training."""
