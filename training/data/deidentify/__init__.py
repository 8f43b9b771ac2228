"""De-identification of case text before it becomes training data: English and Chinese, offline.

What is found becomes a typed placeholder. People are numbered, because a note must tell them apart; the rest is not, because no note
depends on which number or address it was. Both languages share one set of placeholders, so that one search, one count and one
vocabulary serve all rows. A text that was cleaned is not changed by cleaning it again: placeholders are never looked into, and
`Deidentifier.clean` passes over a text until nothing more is found.

Two sources: the case's roster (every name that the counselor entered), and patterns. Names outside the roster are found only beside a
title ("Dr Patel", "王老师"). Ages, scores, doses, times, durations, ordinary dates, cities and public helplines stay. This lowers a
risk and doesn't end it: a story can identify a person without a single name, so a person still decides what is used for training.

    cleaning                                      finds, numbers and replaces
    names, words                                  people
    numbers, birth_dates, addresses, online       everything else, each a table of rules
    identifiers, folding                          what is looked for, and the text as patterns read it
"""

from training.data.deidentify.cleaning import Clean, Deidentifier, deidentify
from training.data.deidentify.identifiers import PLACEHOLDER, Identifier
from training.data.deidentify.names import Roster

__all__ = ["PLACEHOLDER", "Clean", "Deidentifier", "Identifier", "Roster", "deidentify"]
