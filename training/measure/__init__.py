"""What the gate needs to know of an adapter, measured by asking the server that serves it."""
