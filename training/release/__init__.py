"""What lies beside an adapter's weights: what it was made of, a card in plain words, the gate's report. Made before it is registered."""
