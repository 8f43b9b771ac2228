"""Real parts and builders that several tests use."""
