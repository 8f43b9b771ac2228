"""Public sets of questions, posts and dialogues, read, repaired, cleaned, sampled, and made into the workbench's rows.

reading       tables, JSON and YAML, with an error that says what is wrong with a file
cleaning      what is mended in a text, and which rows are left out, by reason
sampling      so many rows by a seed, and sides that keep what belongs together together
…             one module a set: what its files look like, and what is wrong with them

Chinese sets, and files of their formats, are read as streams and told by their content:

convert       files and folders to rows, with what became of each record
shapes        records of JSON, by what they look like; json_stream reads them, medical_table and speakers read tables and running text
dialogues     turns that alternate, out of dialogues as people wrote them
encodings, tidying     the encoding of a file; a text whose encoding went wrong before, and what was left over in it
repeats, splitting     rows that say nothing new; sides for what belongs together
questions     the request for a question about a document
comparisons   better and worse answers by a rule; belle writes BELLE's files
"""
