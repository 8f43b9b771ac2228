"""What is done with finished weights: combine adapters, merge them into a base, make deltas of models, describe and publish the result."""
