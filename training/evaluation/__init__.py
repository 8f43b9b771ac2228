"""Measuring models: answers to rows, their scores, losses, and two models side by side. Each figure's source is in README.md."""
