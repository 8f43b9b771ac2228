"""Repairs and the rule: what is mended, what is left out, and that mending twice changes nothing."""

import html
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpora.cleaning import SAME, Drop, Rule, plain, spaced, unescaped, unglued, unmarked, visible

tricky = "aZ .\n\r\t&;<>/\"'#1é你\u00a0\u2019\u201c\u2014\u200b\u2028😀"
any_text = st.text(st.sampled_from(tricky) | st.characters(exclude_categories=["Cs"]), max_size=60)


@given(any_text)
@pytest.mark.parametrize("mend", [plain, unescaped, unglued, visible, spaced])
def test_mending_twice_is_mending_once(mend: Callable[[str], str], text: str) -> None:
    """A text that was mended is left alone."""
    assert mend(mend(text)) == mend(text)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=60))
def test_typed_text_is_left_alone(text: str) -> None:
    """What a keyboard writes needs no repair of characters."""
    assert plain(text) == visible(text) == text
    assert unescaped(html.escape(text)) == unescaped(text)


@given(any_text)
def test_plain_text_keeps_its_length(text: str) -> None:
    """Blanks, quotes and dashes are replaced one for one, so a limit on characters means the same before and after."""
    assert len(plain(text.replace("\r", ""))) == len(text.replace("\r", ""))
    assert not set(plain(text)) & set(map(chr, SAME))


@given(st.text(max_size=200) | st.text(st.sampled_from("<!-[]>/pbr &;a\"'=CDT"), max_size=40))
def test_no_html_is_too_broken(text: str) -> None:
    """Whatever comes, HTML or not, comes out as text."""
    assert isinstance(unmarked(text), str)


@given(st.lists(st.text(st.sampled_from("abc xyz&<'\""), min_size=1, max_size=12).map(str.strip).filter(bool), min_size=1, max_size=4))
def test_the_words_of_html_survive(paragraphs: list[str]) -> None:
    """Escaped text in paragraphs comes back, a line each."""
    marked = "".join(f'<p class="a">{html.escape(one)}<br/></p>\r\n' for one in paragraphs)
    assert [line for line in unmarked(marked).split("\n") if line] == [spaced(one) for one in paragraphs]


def test_what_nobody_sees_in_html_is_gone() -> None:
    """Pictures inside the text, comments of word processors, styles and scripts."""
    picture = f'<img src="data:image/png;base64,{"A" * 150_000}">'
    word = "<!--[if gte mso 9]><xml><w:a>1</w:a></xml><![endif]--><style>p {color: red}</style>"
    assert unmarked(f"{word}<p>One{picture}&nbsp;two.</p><ul><li>a</li><li>b</li></ul>") == "One\xa0two.\n\n- a\n\n- b"


@pytest.mark.parametrize(
    ("glued", "apart"),
    [
        ("It passes.Then it comes.", "It passes. Then it comes."),
        ("Why?I think so!You don't.", "Why? I think so! You don't."),
        ("a Ph.D. in it, the U.S.A. too", "a Ph.D. in it, the U.S.A. too"),
        ("at 3.5 miles, e.g. here... Well", "at 3.5 miles, e.g. here... Well"),
        ('"So."And', '"So."And'),
    ],
)
def test_glued_sentences_come_apart(glued: str, apart: str) -> None:
    """A blank where two sentences meet, none in abbreviations and numbers."""
    assert unglued(glued) == apart


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("a &amp;amp; b &lt;3 &#39;x&#x27; &nbsp;", "a & b <3 'x' \xa0"),
        ("AT&T & co &unknown; &copy", "AT&T & co &unknown; &copy"),
        ("&amp;#x200B;", "\u200b"),
    ],
)
def test_entities_are_resolved(escaped: str, text: str) -> None:
    """Once or twice escaped, by name or number; a bare ampersand is one."""
    assert unescaped(escaped) == text


@pytest.mark.parametrize(
    ("prompt", "answer", "reason"),
    [
        ("How?", "So.", None),
        ("How?", " \n", Drop.EMPTY),
        ("", "So.", Drop.EMPTY),
        ("How?", "x" * 2000, None),
        ("How?", "x" * 2001, Drop.LONG),
        ("x" * 2001, "See https://x.org", Drop.LONG),
        ("How?", "See HTTPS://x.org 😀", Drop.LINK),
        ("See www.x.org", "So.", Drop.LINK),
        ("How?", "So\u200b. 😀", Drop.CONTROL),
        ("How?\x07", "So.", Drop.CONTROL),
        ("How? 😀", "So.", Drop.PICTURE),
        ("How?", "So™", Drop.PICTURE),
        ("Café, 38 °C,\tñ, 你好，\r\n<url>", "So.", None),
    ],
)
def test_the_rule_gives_the_first_reason(prompt: str, answer: str, reason: Drop | None) -> None:
    """Empty, too long, a URL, a control character, a picture: in this order, in the prompt and in the answer."""
    assert Rule().against(prompt, answer) is reason


def test_the_rule_can_be_relaxed() -> None:
    """Any length, links and special characters, each by itself; an empty row never."""
    row = ("x" * 3000, "See www.x.org 😀")
    assert Rule(0).against(*row) is Drop.LINK
    assert Rule(0, drop_links=False).against(*row) is Drop.PICTURE
    assert Rule(0, drop_links=False, drop_special=False).against(*row) is None
    assert Rule(0, drop_links=False, drop_special=False).against("How?", "") is Drop.EMPTY
