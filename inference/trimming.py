"""Answers without loose ends: the unfinished last sentence that a limit on length leaves, and markers of the next turn.

A model that is stopped by the limit breaks off inside a sentence; what stands before it is the answer. A model that was trained on
text with markers (`<HUMAN>: … <ASSISTANT>: …`) doesn't stop at the end of its answer but goes on with the next turn: the answer ends
where a marker begins. Both are for English and Chinese, for answers shown to people; notes are JSON, and have rules of their own.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

_CLOSING = r"[\"'”’」』）)\]】》]*(?:[*_]{1,3}(?=\s|$))?"
_END = re.compile(rf"(?:[。！？…]+|[.!?]+(?=[\"'”’)\]*_]*(?:\s|$)|[一-鿿]))({_CLOSING})")
_NO_END = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|vs|cf|approx|e\.g|i\.e)|^\s*\d{1,2})\.$")
"""A line up to a full stop that ends no sentence: after a title, an abbreviation, or the number of an item of a list."""
_ITEM = re.compile(r"\s*(?:[-*•·]\s|\d{1,2}[.)、．]|[（(]\d{1,2}[)）]|[一二三四五六七八九十]{1,3}、)")


def without_unfinished_sentence(text: str) -> str:
    """`text` up to the end of its last whole sentence, or of the last whole item of a list; all of it where none is whole.

    Only for text that was cut off: a model that ended by itself may well have ended without a full stop.
    """
    kept = text.rstrip()
    ends = [end for end in (_last_sentence_end(kept), _last_line_end(kept)) if end]
    return kept[: max(ends)].rstrip() if ends else kept


class UntilMarker:
    """The pieces of a stream up to the first of some markers; the marker and what follows it are left out.

    `reached` becomes true when a marker is complete. What could be the beginning of one is held back until the next piece tells.
    """

    def __init__(self, markers: Sequence[str]) -> None:
        """Look for `markers`, none of them empty; without any, everything is passed on."""
        self.reached = False
        self._markers = tuple(markers)
        self._held = ""

    def feed(self, piece: str) -> str:
        """What is certain to come before any marker, now that `piece` came; empty when `reached`."""
        if self.reached:
            return ""
        text = self._held + piece
        found = [at for at in map(text.find, self._markers) if at >= 0]
        if found:
            self.reached, self._held = True, ""
            return text[: min(found)]
        at = len(text) - self._beginning(text)
        self._held = text[at:]
        return text[:at]

    def rest(self) -> str:
        """What was held back, at the end of the stream."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, text: str) -> int:
        """How many characters at the end of `text` could begin a marker."""
        longest = max((len(marker) for marker in self._markers), default=1) - 1
        return next((size for size in range(min(longest, len(text)), 0, -1) if any(m.startswith(text[-size:]) for m in self._markers)), 0)


def _last_sentence_end(text: str) -> int:
    """Where the last whole sentence ends; 0 where there is none."""
    ends = [found for found in _END.finditer(text) if not _NO_END.search(text[text.rfind("\n", 0, found.start()) + 1 : found.start(1)])]
    return ends[-1].end() if ends else 0


def _last_line_end(text: str) -> int:
    """Where the last line ends that is whole without a full stop, since it is an item of a list, or an item or nothing follows it."""
    lines, end, last = text.split("\n"), 0, 0
    for line, after in pairwise(lines):
        end += len(line)
        alone = _ITEM.match(line) or _ITEM.match(after) or not after.strip()
        if alone and line.strip() and not line.rstrip().endswith((":", "：")):
            last = end
        end += 1
    return last
