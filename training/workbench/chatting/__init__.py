"""Talking to models: the same conversation in a terminal, in a web page, or as two columns of a comparison.

`models.py` is what a model can do, `local.py` and `remote.py` are the two kinds; `dialogue.py` is a conversation with its memory, `styles.py`
how its turns become a prompt, `settings.py` how answers are drawn; `terminal.py` shows it, and `side_by_side.py` compares a base with an adapter.
"""
