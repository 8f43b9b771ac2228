"""Counsel-chat and the chatbot set: their traps, and the figures of the public samples."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.training.corpora.made_up import COUNSEL_CHAT, OLDER, an_answer, write_csv
from tests.training.corpora.public_samples import SAMPLES, needs_samples
from training.corpora.chatbot import read_chatbot
from training.corpora.cleaning import Rule
from training.corpora.counsel_chat import NEW, OLD, finished, read_counsel_chat
from training.corpora.forms import as_comparison, as_text, pairs_by_votes
from training.corpora.pieces import Corpus, Piece
from training.corpora.prepare import Settings, prepare
from training.corpora.therapists import therapist_name
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Comparison, Split, Text

FILE = SAMPLES / "counsel-chat" / "20220401_counsel_chat.csv"


def read(tmp_path: Path, *rows: dict[str, str]) -> Corpus:
    """The corpus of a small file."""
    return read_counsel_chat(write_csv(tmp_path / "counsel.csv", COUNSEL_CHAT, rows))


@pytest.mark.parametrize(
    ("info", "page", "name"),
    [
        ("Nora QuillfeatherLicensed Counselor", "nora-quillfeather", "Nora Quillfeather"),
        ("Nora Quillfeather, MA, LPCHelping you", "nora-quillfeather-ma-lpc-2", "Nora Quillfeather"),
        ("Dr. Nora van QuillOur work", "dr-nora-van-quill", "Nora van Quill"),
        ("Nora McQuillA place to talk", "ms-nora-mcquill-toronto", "Nora McQuill"),
        ("Zoë Jón-Québert", "zo-j-n-qu-bert", "Zoë Jón-Québert"),
        ("NORA QUILLDirector", "nora-quill", "NORA QUILL"),
        ("Nora Quill PhD", "", "Nora Quill"),
        ("Nora Quill, LCSW-RTalk to me", "", "Nora Quill"),
        ("Nora QuillHypnotherapist, well known", "", "Nora Quill"),
        ("Nora Quill Psychologist", "nora-quill-psychologist", "Nora Quill"),
        ("Brook Counseling Services, LLCHope", "brook-counseling-services-llc", ""),
        ("3rd Bank Therapy", "3rd-bank-therapy", ""),
        ("", "", ""),
    ],
)
def test_a_name_ends_where_its_address_ends(info: str, page: str, name: str) -> None:
    """Names run on into what follows; degrees, titles and the words of a practice are no part of them."""
    assert therapist_name(info, f"https://counselchat.com/therapists/{page}" if page else "") == name


def test_texts_are_mended(tmp_path: Path) -> None:
    """Blanks, quotes and dashes of print are typed, continued lines straightened, and a title stands for a missing question."""
    found = read(
        tmp_path,
        an_answer(0, questionText="I can\u2019t\xa0sleep.    \n   I\xa0tried \u2014 much.", answerText="\u201cYes\u201d,\xa0she said."),
        an_answer(1, "2", questionText=" "),
    )
    assert [piece.prompt for piece in found.pieces] == ["I can't sleep.\nI tried - much.", "Title of question 2?"]
    assert found.pieces[0].answer == '"Yes", she said.'
    assert found.repaired["title for a missing question"] == 1


def test_what_identifies_the_author_is_taken_out(tmp_path: Path) -> None:
    """The own name, also where it was joined to the last word, and a telephone number; the columns about the therapist are gone."""
    found = read(tmp_path, an_answer(0, answerText="Sleep is short.Call me: 212-555-0147. Be wellNora Quillfeather, LPC"))
    repaired: Counter[str] = Counter()
    piece = finished(found.pieces[0], repaired)
    assert piece.answer == "Sleep is short. Call me: [PHONE]. Be well [NAME_1], LPC"
    assert repaired == {"joined sentences": 1, "names, numbers, addresses taken out": 2}
    assert piece.prompt == "I wonder about question 1."


def test_html_of_the_older_dump_is_read(tmp_path: Path) -> None:
    """Tags, entities, pictures, comments and line ends of Windows go, the words stay; its votes mean nothing."""
    picture = f'<img src="data:image/png;base64,{"QUJD" * 50_000}">'
    rows = [
        {
            **an_answer(0),
            "therapistName": "Nora Quillfeather, MA",
            "therapistUrl": "https://counselchat.com/therapists/nora-quillfeather",
            "questionText": "Why?\r\n\r\nI can't tell.",
            "answerText": f"<!--[if gte mso 9]><xml>x</xml><![endif]--><p>You said &#34;no&#34;.&nbsp;</p>{picture}"
            "<p>Why&#10;not?<br>So, Nora</p>",
        }
    ]
    found = read_counsel_chat(write_csv(tmp_path / "older.csv", OLDER, rows), OLD)
    (piece,) = found.pieces
    assert piece.prompt == "Why?\n\nI can't tell."
    assert finished(piece, Counter()).answer == 'You said "no".\n\nWhy\nnot?\nSo, [NAME_1]'
    assert piece.votes is None
    assert found.repaired["HTML"] == 1


def test_better_answers_are_those_with_more_votes() -> None:
    """Each pair has the widest margins first, at most so many a question, never of equal votes or of the same words."""
    votes = {"a": 5, "b": 3, "c": 3, "d": 0, "A!": 1}
    pieces = [Piece(text, "1", "How?", text, "how", votes=count) for text, count in votes.items()]
    pairs = [(better.answer, worse.answer) for better, worse in pairs_by_votes([*pieces, Piece("x", "2", "Why?", "x", "why", votes=9)])]
    assert pairs == [("a", "d"), ("b", "d"), ("c", "d"), ("a", "b")]
    assert len(pairs_by_votes(pieces, most=100)) == 8
    assert as_comparison(pieces[0], pieces[3]) == Comparison("How?", "a", "d")


def test_the_dump_without_votes_gives_no_comparisons() -> None:
    """Asked for comparisons, a set without votes is refused, not left out silently."""
    corpus = Corpus("some", (), (Piece("1", "1", "How?", "So.", "how"),))
    with pytest.raises(WorkbenchError, match="some has no votes"):
        prepare([corpus], Settings("comparison"))


def test_running_text_has_markers(tmp_path: Path) -> None:
    """The chatbot set as the Falcon path learns it; its unnamed column, blanks and characters of no width do no harm."""
    path = write_csv(
        tmp_path / "chat.csv", ("", "human", "zen", "source"), [{"": "0", "human": "What is it?", "zen": " A\u200c feeling:\n\n1. Calm "}]
    )
    (piece,) = read_chatbot(path).pieces
    assert as_text(piece) == Text("<HUMAN>: What is it?\n<ASSISTANT>: A feeling:\n\n1. Calm")


@needs_samples
def test_the_public_sample_has_the_measured_figures() -> None:
    """Of 2,775 rows the rule drops 26, 234, 116, 1 and 25, and leaves 2,373; of these votes give 214 questions pairs, 553 at four each."""
    found = read_counsel_chat(FILE, NEW)
    reasons = Counter(Rule().against(piece.prompt, piece.answer) for piece in found.pieces)
    assert {str(reason): count for reason, count in reasons.items() if reason} == {
        "empty": 26,
        "too long": 234,
        "URL": 116,
        "control character": 1,
        "emoji or symbol": 25,
    }
    kept = [piece for piece in found.pieces if Rule().against(piece.prompt, piece.answer) is None]
    assert (len(found.pieces), len(kept)) == (2775, 2373)
    assert found.repaired["title for a missing question"] == 139
    pairs = pairs_by_votes(kept)
    assert (len({better.group for better, _ in pairs}), len(pairs)) == (214, 553)
    assert all(len(piece.author or "") > 1 for piece in found.pieces if "Counseling" not in (piece.author or "Counseling"))


@needs_samples
def test_no_question_of_the_public_sample_is_on_two_sides() -> None:
    """The sides are those of questions, whatever is drawn; a comparison's side is that of its question."""
    found = read_counsel_chat(FILE, NEW)
    settings = Settings(rows={Split.TRAIN: 40, Split.DEV: 20, Split.TEST: 20})
    sides = defaultdict(set)
    questions = {piece.prompt: piece.group for piece in found.pieces}
    for form in ("prompt-completion", "comparison"):
        for split, rows in prepare([found], Settings(form, settings.rows)).rows.items():
            for row in rows:
                sides[questions.get(row.prompt, row.prompt)].add(split)  # type: ignore[union-attr]
    assert len(sides) > 80
    assert all(len(found) == 1 for found in sides.values())


@needs_samples
def test_the_older_public_sample_is_read() -> None:
    """149 of its 150 answers hold HTML; none does afterwards. The chatbot set has four answers of more than 2,000 characters."""
    older = read_counsel_chat(SAMPLES / "counsel-chat" / "counselchat-data.csv", OLD)
    assert (len(older.pieces), older.repaired["HTML"]) == (150, 149)
    assert not any("</" in piece.answer or "&#" in piece.answer or "\r" in piece.prompt for piece in older.pieces)
    chat = read_chatbot(SAMPLES / "mental-health-chatbot" / "mental_health_chatbot_dataset.csv")
    assert Counter(Rule().against(piece.prompt, piece.answer) for piece in chat.pieces) == {None: 168, "too long": 4}
    assert chat.repaired["characters of no width"] == 2
