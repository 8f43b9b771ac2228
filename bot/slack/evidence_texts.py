"""What the bot says about evidence."""

from dataclasses import dataclass

from bot.catalog import Translate, catalog


@dataclass(frozen=True)
class EvidenceTexts:
    """The words of one language."""

    general: str


def _words(_: Translate) -> EvidenceTexts:
    return EvidenceTexts(general=_("◦ general advice, not drawn from a description"))


evidence_texts = catalog("evidence", _words)
"""The words of a language."""
