"""Public sets of questions, posts and dialogues, read, repaired, cleaned, sampled, and made into the workbench's rows.

reading       tables, JSON and YAML, with an error that says what is wrong with a file
cleaning      what is mended in a text, and which rows are left out, by reason
sampling      so many rows by a seed, and sides that keep what belongs together together
…             one module a set: what its files look like, and what is wrong with them
"""
