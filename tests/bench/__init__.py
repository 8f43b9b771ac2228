"""`make bench`: what the bot costs on top of the model server, both measured side by side in one run."""
