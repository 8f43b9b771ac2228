"""Many nights in a row with made-up cases: does the model come to write what its counselors want, and what does that cost?"""
