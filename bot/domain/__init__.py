"""The rules of a case: what a note is, how it changes, who may approve it. Pure: no I/O, no clock, no randomness."""
