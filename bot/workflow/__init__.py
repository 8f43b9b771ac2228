"""What happens: each file tells one thing from its beginning to its end, against the ports in `ports.py`."""
