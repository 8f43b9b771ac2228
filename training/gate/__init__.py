"""Whether a new adapter goes into service: values in, a verdict with reasons out."""
