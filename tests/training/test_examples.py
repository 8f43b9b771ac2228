"""From a case's record to what is learned from it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.workflow.incoming import HandedBack, Summarize
from inference.note import Kind, Language, NoteItem, dump_note, parse_additions, parse_note
from inference.prompt import LEFT_OUT, Turn, TurnKind, answered, handed_back, reported
from tests.bot.test_conversation import FIRST, MORE, a_desk
from tests.support.builders import NOW, a_post
from training.data.edits import Counts
from training.data.examples import Budget, Rows, Source, build_rows
from training.data.records import AnswerEvent, BadRecord, CaseRecord, Consent, Edit, Reason, Verdict

ROOM = Budget(10_000, lambda text: len(text) // 4)
CONSENT = Consent("U0ANNA", NOW)
SHORT = NoteItem(Kind.ANALYSIS, "Sleep is short.")
DIARY = NoteItem(Kind.ADVICE, "Keep a diary of the nights.")
SINCE = NoteItem(Kind.QUESTION, "Since when has it been so?")
PHONE = NoteItem(Kind.ADVICE, "Leave the phone outside the bedroom.")
HELPS = NoteItem(Kind.QUESTION, "What did help in earlier years?")
WALK = NoteItem(Kind.ADVICE, "Walk for ten minutes after lunch.")


def an_edit(*items: NoteItem, reason: Reason | None = None) -> Edit:
    """A counselor's version."""
    return Edit(items, "U0ANNA", NOW, reason)


def described(text: str = "The client sleeps badly.") -> Turn:
    """A description's turn."""
    return reported(TurnKind.DESCRIPTION, text, Language.ENGLISH)


def back(*items: NoteItem, kind: TurnKind = TurnKind.EDITED) -> Turn:
    """A turn that lists items."""
    return handed_back(kind, items, Language.ENGLISH)


def a_record(turns: list[Turn], *events: AnswerEvent, consent: Consent | None = CONSENT) -> CaseRecord:
    """A consenting English case."""
    return CaseRecord("case-1", Language.ENGLISH, consent, (), tuple(turns), events)


def an_event(
    *draft: NoteItem, asked: int = 0, kept: tuple[NoteItem, ...] = (), edit: Edit | None = None, verdict: Verdict = Verdict.OPEN
) -> AnswerEvent:
    """An answer in the note of these tests."""
    return AnswerEvent("note-1", asked, draft, NOW, kept, edit, verdict)


def rows_of(record: CaseRecord) -> Rows:
    """Rows without de-identification."""
    return build_rows(record, str, ROOM, "2026-03-02")


def an_edited_case(verdict: Verdict = Verdict.OPEN, edit_of_additions: Edit | None = None) -> CaseRecord:
    """A note that was edited, the model's additions to it, and what became of those."""
    first = an_event(SHORT, DIARY, SINCE, edit=an_edit(SHORT, WALK, SINCE, reason=Reason.SCOPE))
    turns = [described(), answered([SHORT, DIARY, SINCE]), back(SHORT, WALK, SINCE), answered([PHONE, HELPS])]
    added = an_event(PHONE, HELPS, asked=2, kept=(SHORT, WALK, SINCE), edit=edit_of_additions, verdict=verdict)
    return a_record(turns, first, added)


async def test_training_prompts_are_the_served_prompts(store_url: str) -> None:
    """Every prompt of a long case that the bot really sent, with turns left out, is built again message for message."""
    who = {"team_id": "T1", "channel_id": "C1", "user_id": "U0ANNA", "at": "1900000000.0"}
    async with a_desk(store_url, *[FIRST, MORE, FIRST, FIRST] * 3) as desk:
        desk.model.context_tokens = 1000
        for _ in range(3):
            post = a_post("The client sleeps badly. " * 8)
            await desk.do(post)
            note = desk.newest.note
            await desk.do(HandedBack(**who, note_id=note.id, base_revision_id=None, items=(SHORT, WALK), source=post.ts))
            await desk.do(a_post("She now works nights, since a month. " * 4, thread_ts=post.ts))
            await desk.do(Summarize(**who, trigger=f"summary {post.ts}"))
        async with desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
            assert case
            turns = tuple(await uow.turns(case.id))
        asked = [index - 1 for index, turn in enumerate(turns) if turn.kind is TurnKind.ANSWER]
        events = tuple(AnswerEvent("note", index, (SHORT,), NOW, verdict=Verdict.APPROVED) for index in asked)
        budget = Budget(desk.model.context_tokens - 500, lambda text: len(text) // 4)
        built = build_rows(CaseRecord(case.id, case.language, CONSENT, (), turns, events), str, budget, "night").examples
        assert [list(row.messages) for row in built] == [list(prompt) for prompt in desk.model.prompts]
        assert len(built) == 12
        assert sum(LEFT_OUT[Language.ENGLISH] in row.messages[0]["content"] for row in built) > 3


def test_a_case_without_consent_yields_nothing() -> None:
    """Neither its approved nor its edited notes are trained on."""
    record = an_edited_case(Verdict.ACCEPTED)
    assert rows_of(record) != Rows()
    assert rows_of(replace(record, consent=None)) == Rows()


def test_consent_given_later_covers_what_came_before() -> None:
    """What counts is whether consent holds now."""
    record = an_edited_case(Verdict.ACCEPTED)
    assert rows_of(replace(record, consent=Consent("U0ANNA", NOW + timedelta(days=30)))) == rows_of(record)


def test_an_edited_note_is_learned_with_what_was_then_accepted() -> None:
    """The description's answer is the edit together with the accepted additions; the draft lost against it."""
    rows = rows_of(an_edited_case(Verdict.ACCEPTED))
    example, pair = rows.examples[0], rows.preferences[0]
    assert parse_note(example.completion) == (SHORT, WALK, PHONE, SINCE, HELPS)
    assert (pair.chosen, pair.rejected) == (example.completion, dump_note([SHORT, DIARY, SINCE]))
    assert pair.messages == example.messages
    assert (pair.counts, pair.reason) == (Counts(kept=2, cut=1, added=3), Reason.SCOPE)
    assert example.source is Source.EDIT


def test_additions_that_nobody_accepted_are_not_learned() -> None:
    """The edit stands alone while the answer to it is open."""
    rows = rows_of(an_edited_case(Verdict.OPEN))
    assert [parse_note(row.completion) for row in rows.examples] == [(SHORT, WALK, SINCE)]


def test_the_answer_to_an_edit_is_learned_without_what_was_handed_back() -> None:
    """After an edit the prompt asks for what is missing alone, so that is what the completion holds."""
    final = an_edit(SHORT, NoteItem(Kind.ADVICE, "Walk for ten minutes after lunch and supper."), SINCE, PHONE)
    rows = rows_of(an_edited_case(edit_of_additions=final))
    assert parse_additions(rows.examples[1].completion) == (PHONE,)
    assert (rows.preferences[1].chosen, rows.preferences[1].rejected) == (dump_note([PHONE]), dump_note([PHONE, HELPS]))
    assert rows.preferences[1].counts == Counts(kept=1, cut=1)


def test_an_edit_that_takes_out_all_additions_leaves_no_row() -> None:
    """An empty answer is nothing to learn; the description's answer is learned all the same."""
    rows = rows_of(an_edited_case(edit_of_additions=an_edit(SHORT, WALK, SINCE)))
    assert [parse_note(row.completion) for row in rows.examples] == [(SHORT, WALK, SINCE)]
    assert len(rows.preferences) == 1


def test_later_information_is_not_learned_from_the_earlier_prompt() -> None:
    """The description's answer is the edit; what the counselor wrote after news belongs to the prompt with the news."""
    news = reported(TurnKind.INFORMATION, "She works nights.", Language.ENGLISH)
    turns = [described(), answered([SHORT, DIARY]), back(SHORT, WALK), answered([]), news, answered([HELPS])]
    rows = rows_of(
        a_record(
            turns,
            an_event(SHORT, DIARY, edit=an_edit(SHORT, WALK)),
            an_event(asked=2, kept=(SHORT, WALK)),
            an_event(HELPS, asked=4, kept=(WALK,), edit=an_edit(WALK, PHONE)),
        )
    )
    assert [parse_note(row.completion) for row in rows.examples] == [(SHORT, WALK), (WALK, PHONE)]
    assert rows.preferences[1].rejected == dump_note([WALK, HELPS])


def test_news_after_an_unanswered_edit_is_not_its_outcome() -> None:
    """Where the answer to an edit failed, the next answer is to the news, and the edit stands as it was handed back."""
    news = reported(TurnKind.INFORMATION, "She works nights.", Language.ENGLISH)
    turns = [described(), answered([SHORT]), back(WALK), news, answered([HELPS])]
    later = an_event(HELPS, asked=3, kept=(WALK,), verdict=Verdict.ACCEPTED)
    rows = rows_of(a_record(turns, an_event(SHORT, edit=an_edit(WALK)), later))
    assert [parse_note(row.completion) for row in rows.examples] == [(WALK,), (WALK, HELPS)]


def test_the_edit_of_another_note_is_not_the_outcome_of_this_one() -> None:
    """Two threads of one case, answered in turn, are told apart."""
    other = replace(an_event(PHONE, asked=2, kept=(WALK,), verdict=Verdict.ACCEPTED), note_id="note-2")
    turns = [described(), answered([SHORT]), back(WALK), answered([PHONE])]
    rows = rows_of(a_record(turns, an_event(SHORT, edit=an_edit(DIARY)), other))
    assert [parse_note(row.completion) for row in rows.examples] == [(DIARY,), (PHONE,)]


@pytest.mark.parametrize(("verdict", "learned"), [(Verdict.OPEN, 0), (Verdict.ACCEPTED, 1)])
def test_an_unedited_answer_is_learned_once_accepted(verdict: Verdict, learned: int) -> None:
    """Silence is no consent to an answer, and an accepted one lost against nothing."""
    rows = rows_of(a_record([described()], an_event(SHORT, verdict=verdict)))
    assert [row.source for row in rows.examples] == [Source.ACCEPTED] * learned
    assert rows.preferences == ()


@pytest.mark.parametrize(("verdict", "learned"), [(Verdict.OPEN, 0), (Verdict.APPROVED, 1)])
def test_a_corrected_summary_is_learned_once_approved(verdict: Verdict, learned: int) -> None:
    """The correction is a preference at once, the summary an example only when somebody signed it."""
    turns = [described(), answered([SHORT]), back(SHORT, WALK, kind=TurnKind.SUMMARIZE)]
    rows = rows_of(a_record(turns, an_event(SHORT, asked=2, kept=(WALK,), edit=an_edit(WALK, DIARY), verdict=verdict)))
    assert [(row.source, parse_note(row.completion)) for row in rows.examples] == [(Source.SUMMARY, (WALK, DIARY))] * learned
    assert [row.rejected for row in rows.preferences] == [dump_note([WALK, SHORT])]


def test_a_pair_needs_a_difference() -> None:
    """The same items in another order are no preference, and neither are texts that differ in a name alone."""
    moved = an_event(SHORT, DIARY, edit=an_edit(DIARY, SHORT))
    assert rows_of(a_record([described()], moved)).preferences == ()
    named = an_event(NoteItem(Kind.ADVICE, "Call Ann."), edit=an_edit(NoteItem(Kind.ADVICE, "Call Sue.")))
    record = a_record([described()], named)
    assert len(rows_of(record).preferences) == 1
    rows = build_rows(record, lambda text: text.replace("Ann", "NAME").replace("Sue", "NAME"), ROOM, "night")
    assert (len(rows.examples), rows.preferences) == (1, ())


def test_every_text_passes_through_clean() -> None:
    """No name is left in a prompt, a completion or a pair, quotation marks in a replacement included."""
    item = NoteItem(Kind.ADVICE, "Call Ann.")
    edit = an_edit(NoteItem(Kind.ADVICE, "Call Ann tomorrow at noon."))
    turns = [described("Ann sleeps badly."), answered([item]), back(*edit.items), answered([item])]
    record = a_record(turns, an_event(item, edit=edit), an_event(SHORT, asked=2, kept=edit.items, verdict=Verdict.ACCEPTED))
    rows = build_rows(record, lambda text: text.replace("Ann", '"A"'), ROOM, "night")
    assert len(rows.examples) == 2
    assert "Ann" not in str(rows)
    assert parse_note(rows.examples[1].messages[1]["content"]) == (NoteItem(Kind.ADVICE, 'Call "A".'),)


def test_an_item_that_cleaning_empties_is_left_out() -> None:
    """Nothing empty is learned."""
    rows = build_rows(a_record([described()], an_event(SHORT, verdict=Verdict.ACCEPTED)), lambda _: " ", ROOM, "night")
    assert rows == Rows()


def test_lengths_are_those_of_the_served_texts() -> None:
    """A de-identifier that makes texts longer leaves out no turn that was served."""
    turns = [turn for number in range(6) for turn in (described(f"{number} " * 40), answered([SHORT]))]
    record = a_record(turns, an_event(SHORT, asked=10, verdict=Verdict.ACCEPTED))
    budget = Budget(400, lambda text: len(text) // 4)
    short = build_rows(record, str, budget, "night").examples[0].messages
    long = build_rows(record, lambda text: text * 9, budget, "night").examples[0].messages
    assert LEFT_OUT[Language.ENGLISH] in short[0]["content"]
    assert len(short) == len(long) < 11


@given(st.lists(st.builds(NoteItem, st.sampled_from(Kind), st.text(max_size=8)), max_size=4), st.sampled_from(Verdict))
def test_no_row_is_empty_and_no_pair_equal(edited: list[NoteItem], verdict: Verdict) -> None:
    """Whatever a counselor hands back."""
    rows = rows_of(an_edited_case(verdict, an_edit(*edited)))
    assert all(parse_note(row.completion) for row in rows.examples)
    assert all(parse_note(row.chosen) and parse_note(row.rejected) and row.chosen != row.rejected for row in rows.preferences)


def test_a_record_that_contradicts_itself_is_refused_without_its_text() -> None:
    """An event must answer a counselor's turn, in order."""
    with pytest.raises(BadRecord) as refused:
        a_record([described(), answered([SHORT])], an_event(SHORT, asked=1))
    assert "Sleep" not in str(refused.value)
    with pytest.raises(BadRecord):
        a_record([described(), described()], an_event(SHORT, asked=1), an_event(SHORT, asked=0))
    with pytest.raises(BadRecord):
        a_record([described()], an_event(SHORT, asked=-1))
