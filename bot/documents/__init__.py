"""Attached documents as text, read by a process of its own: files come from anywhere, and a bad one must cost no more than itself."""
