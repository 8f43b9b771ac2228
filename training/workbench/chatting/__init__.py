"""Talking to models: the same conversation in a terminal, in a web page, or as two columns of a comparison.

`models.py` says what a model can do, `local.py` and `remote.py` are the two kinds of it; `dialogue.py` is a conversation with its memory,
`styles.py` how its turns become a prompt, `settings.py` how answers are drawn; `terminal.py` and `screen.py` show it on a command line;
`side_by_side.py` asks a base and its adapter the same questions.
"""
