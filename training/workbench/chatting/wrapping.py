"""Text that comes in pieces, broken into a terminal's lines between words, so that it is known where every sign stands."""

from rich.cells import cell_len

_CLOSING = frozenset("，。！？：；、”’」』）》】")
"""Chinese marks that begin no line: other signs leave room for one of them."""


class Wrapping:
    """Breaks a stream into lines of at most `width` cells; Chinese signs are two cells wide and may be parted anywhere.

    A word is given out when it is complete. Control characters, with which a text could move the cursor, are left out.
    """

    def __init__(self, width: int, column: int = 0) -> None:
        """Begin in `column`, counted from 0, of a line of `width` cells."""
        self.column = column
        self._width = max(width, 4)
        self._word = ""

    def feed(self, piece: str) -> str:
        """What can be shown of the text so far, line breaks among it."""
        return "".join(map(self._sign, piece))

    def rest(self) -> str:
        """The last word, at the end of the text."""
        return self._flushed()

    def _sign(self, sign: str) -> str:
        if sign == "\n":
            shown = self._flushed() + sign
            self.column = 0
            return shown
        if sign.isspace():
            return self._flushed() + self._placed(" ")
        if not sign.isprintable():
            return ""
        if cell_len(sign) > 1:
            return self._flushed() + self._placed(sign, spare=0 if sign in _CLOSING else 2)
        self._word += sign
        return ""

    def _flushed(self) -> str:
        """The word, on a new line where it doesn't fit; broken where it fits on none."""
        word, self._word = self._word, ""
        if cell_len(word) <= self._width:
            return self._placed(word)
        return "".join(map(self._placed, word))

    def _placed(self, unit: str, spare: int = 0) -> str:
        """`unit` where it fits with `spare` cells behind it, else on a new line."""
        size = cell_len(unit)
        if self.column + size + spare <= self._width or not self.column:
            self.column += size
            return unit
        if unit == " ":  # the line break stands for it
            self.column = 0
            return "\n"
        self.column = size
        return f"\n{unit}"


def wrapped(text: str, width: int, column: int = 0) -> str:
    """A whole text, broken as `Wrapping` does it."""
    wrapping = Wrapping(width, column)
    return wrapping.feed(text) + wrapping.rest()
