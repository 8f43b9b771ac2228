"""The words around the digest of a long case."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog


@dataclass(frozen=True)
class DigestTexts:
    """The words around the digest of a long case."""

    title: str
    intro: str
    lines: str
    hint: str
    nothing: str
    too_long: str


def _words(_: Translate) -> DigestTexts:
    return DigestTexts(
        title=_("Digest of this case"),
        intro=_(
            "This case is longer than the model can read at once. Of its earlier sessions the model is told the lines below, taken word "
            "for word from your descriptions; what a new post touches is brought back beside it. Please correct what is wrong or missing."
        ),
        lines=_("Earlier sessions"),
        hint=_("One fact a line, the most important first. Lines at the end are left out where there is no room."),
        nothing=_("The model still reads this whole case, so there is no digest yet."),
        too_long=_("Please keep each line under {number} characters."),
    )


digest_texts = catalog("digest", _words)
"""The words of a language."""
