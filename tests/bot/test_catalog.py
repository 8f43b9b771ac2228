"""The catalogs: every sentence of the code is in them, translated, with the same placeholders, and nothing else is."""

import ast
import re
import string
from dataclasses import dataclass
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

import bot
from bot.catalog import LOCALE, SOURCE, Translate, catalog, catalog_file, translations
from inference.note import Language

CODE = Path(bot.__file__).parent
OTHERS = [language for language in Language if language is not SOURCE]


def modules() -> dict[str, Path]:
    """Each catalog's name and the module that holds its sentences, read from the calls of `catalog`."""
    found: dict[str, Path] = {}
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "catalog":
                name = node.args[0]
                assert isinstance(name, ast.Constant), path
                assert isinstance(name.value, str), path
                assert name.value not in found, f"{path.name} and {found[name.value].name} have one catalog"
                found[name.value] = path
    return found


MODULES = modules()


def sentences(path: Path) -> set[str]:
    """What Babel finds in a module."""
    return {message for _, message, _, _ in extract_from_file("python", str(path)) if isinstance(message, str)}


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_there_are_catalogs() -> None:
    """Lest the tests below look at nothing."""
    assert len(MODULES) >= 4
    assert all(len(sentences(path)) > 5 for path in MODULES.values())


def test_no_catalog_without_a_module() -> None:
    """A catalog that nobody reads would be translated in vain."""
    for language in OTHERS:
        assert {path.stem for path in (LOCALE / language.value / "LC_MESSAGES").iterdir()} == set(MODULES)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("domain", MODULES)
def test_every_sentence_is_translated(domain: str, language: Language) -> None:
    """Nothing is missing, nothing waits for a translator, nothing is left over from an older version."""
    known, said = translations(domain, language), sentences(MODULES[domain])
    assert said - known.keys() == set()
    assert known.keys() - said == set()


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("domain", MODULES)
def test_translations_have_the_same_placeholders(domain: str, language: Language) -> None:
    """A name that English does not have would be an error when the sentence is said; one that is missing would be silence."""
    for english, other in translations(domain, language).items():
        assert placeholders(english) == placeholders(other), english


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("domain", MODULES)
def test_no_sentence_stands_twice(domain: str, language: Language) -> None:
    """Of two translations the reader would not know which one is said."""
    text = catalog_file(domain, language).read_text()
    headers = len(re.findall(r'^msgid ""\nmsgstr', text, re.MULTILINE))
    assert len(re.findall("^msgid ", text, re.MULTILINE)) - headers == len(translations(domain, language))


@dataclass(frozen=True)
class Words:
    """Two sentences: one that a catalog has, one that none has."""

    known: str
    unknown: str


def test_what_no_catalog_has_stays_english() -> None:
    """A sentence that waits for its translation is better read in English than not at all."""

    def build(_: Translate) -> Words:
        return Words(_("Case"), _("Not in any catalog."))

    words = catalog("case", build)
    assert words(Language.ENGLISH) == Words("Case", "Not in any catalog.")
    assert words(Language.CHINESE) == Words("个案", "Not in any catalog.")
    assert words(Language.CHINESE) is words(Language.CHINESE)
