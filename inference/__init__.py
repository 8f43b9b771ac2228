"""What serving and training must agree on: the note format, the prompt, adapters and the model server."""
