"""The formats of final notes, by the names under which cases keep them."""

ITEMIZED = "itemized"
"""Analysis, advice and questions, as in the notes of a session."""


def note_formats() -> tuple[str, ...]:
    """The formats that a case may choose from; the first is the default."""
    return (ITEMIZED, "SOAP", "DAP", "BIRP", "GIRP")
