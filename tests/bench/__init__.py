"""`make bench`: what the bot costs on top of the model server, and what changing adapters takes, each measured side by side in one run."""
