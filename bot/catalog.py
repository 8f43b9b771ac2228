"""The bot's words in several languages: English stands in the code, every other language in gettext catalogs beside it.

A module of texts holds a frozen dataclass of words and a function that builds it from English, passing each sentence through `_`::

    def _words(_: Translate) -> HistoryTexts:
        return HistoryTexts(title=_("History"))

    history_texts = catalog("history", _words)

`history_texts(language)` is then the dataclass in that language. Each such module has a catalog of its own, such as
`locale/zh/LC_MESSAGES/history.po`. Babel reads it as it is: there is no compiled file that could be older than what translators see.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from babel.messages.pofile import read_po

from inference.note import Language

LOCALE = Path(__file__).parent / "locale"
SOURCE = Language.ENGLISH
"""The language that the code itself speaks."""

Translate = Callable[[str], str]
"""A sentence in English → the same in the language that is built."""

Words = TypeVar("Words")


def catalog(domain: str, build: Callable[[Translate], Words]) -> Callable[[Language], Words]:
    """The words of `build` by language, each language read once, when it is first asked for. What no catalog has stays English."""

    @cache
    def words(language: Language) -> Words:
        if language is SOURCE:
            return build(lambda english: english)
        known = translations(domain, language)
        return build(lambda english: known.get(english, english))

    return words


def translations(domain: str, language: Language) -> dict[str, str]:
    """What a catalog holds: English → the other language. Sentences that wait for a translator are left out."""
    with catalog_file(domain, language).open("rb") as file:
        messages = read_po(file, locale=language.value, domain=domain)
    return {str(message.id): str(message.string) for message in messages if message.id and message.string and not message.fuzzy}


def catalog_file(domain: str, language: Language) -> Path:
    """Where a catalog is."""
    return LOCALE / language.value / "LC_MESSAGES" / f"{domain}.po"
