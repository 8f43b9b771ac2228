"""The stories, end to end on real parts: a real vLLM, the real bot over a real socket, a real database."""
