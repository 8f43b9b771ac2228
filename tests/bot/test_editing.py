"""Taps under a note: what they do to it, what the model is asked then, and what stays of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.editing import Edits, ItemChange, answered_since, asks_why, change_item, shorter_than, taken_over
from bot.domain.errors import OutOfDate
from bot.domain.note import Item, Note, Origin, build_on, same_text, staying
from bot.domain.reading import Reading
from bot.workflow.answering import ANEW_TEMPERATURE
from bot.workflow.incoming import Accept, Approve, AskedAnew, Felt, HandedBack, ItemChanged, ReasonStated, Reread, Summarize, Wish
from bot.workflow.ports import NoteView, Sign
from inference.note import Kind, NoteItem
from tests.bot.test_conversation import FIRST, MORE, Desk, a_desk
from tests.bot.test_records import the_record
from tests.support.builders import a_counselor, a_note, a_post, a_revision, an_item, lines
from training.data.examples import Budget, build_rows
from training.data.records import Reason

WHO = {"team_id": "T1", "channel_id": "C1", "user_id": "U0ANNA", "at": "1900000000.0"}
SHORT, DIARY, SINCE = FIRST
LONG = [NoteItem(kind, f"{kind} {word}") for kind in Kind for word in ("alpha", "bravo", "charlie", "delta")]


# the rules


def three() -> Note:
    """A note of three lines by the model."""
    return a_note(a_revision(*(Item(item.kind, item.text, Origin.MODEL) for item in FIRST)))


def tapped(note: Note, change: ItemChange, place: int = 0, lines: Sequence[str] = (), of: int = -1) -> Note:
    """The note after a tap on one of its revisions."""
    items = change_item(note, note.revisions[of].id, place, change, lines)
    return note.revise(a_revision(*items, number=len(note.revisions) + 1, by=a_counselor()))


def texts(note: Note) -> list[str]:
    """The texts of its items."""
    return [item.text for item in note.items]


def test_what_a_tap_does() -> None:
    """Dropped is gone, rewritten is the counselor's, kept stays the model's and is marked; all others are as they were."""
    note = three()
    assert texts(tapped(note, ItemChange.DROPPED, 1)) == ["Sleep is short.", "Since when?"]
    rewritten = tapped(note, ItemChange.REWRITTEN, 1, ["Write down the hours.", "Walk."])
    assert texts(rewritten) == ["Sleep is short.", "Write down the hours.", "Walk.", "Since when?"]
    assert [item.origin for item in rewritten.items] == [Origin.MODEL, Origin.COUNSELOR, Origin.COUNSELOR, Origin.MODEL]
    kept = tapped(note, ItemChange.KEPT, 1)
    assert [item.kept for item in kept.items] == [False, True, False]
    assert kept.items[1].origin is Origin.MODEL
    assert not any(item.kept for item in tapped(kept, ItemChange.RELEASED, 1).items)
    assert tapped(tapped(note, ItemChange.DROPPED, 1), ItemChange.UNDONE).items == note.items
    assert texts(tapped(note, ItemChange.REWRITTEN, 1)) == ["Sleep is short.", "Since when?"]  # emptied


def test_a_tap_on_an_old_message_hits_its_own_line_or_none() -> None:
    """Lines are known by their words; what is gone is dropped already, can't be kept, and its new words are added."""
    note = tapped(three(), ItemChange.DROPPED, 0)
    assert texts(tapped(note, ItemChange.DROPPED, 1, of=0)) == ["Since when?"]
    assert change_item(note, note.revisions[0].id, 0, ItemChange.DROPPED) == note.items
    assert texts(tapped(note, ItemChange.REWRITTEN, 0, ["Sleep: five hours."], of=0)) == [
        "Sleep: five hours.",
        "Keep a diary.",
        "Since when?",
    ]
    for change, revision_id, place in [
        (ItemChange.KEPT, note.revisions[0].id, 0),
        (ItemChange.DROPPED, "nobody", 0),
        (ItemChange.DROPPED, note.revisions[0].id, 3),
        (ItemChange.DROPPED, note.revisions[0].id, -1),
        (ItemChange.UNDONE, note.revisions[0].id, 0),
    ]:
        with pytest.raises(OutOfDate):
            change_item(note, revision_id, place, change)


def test_of_two_lines_with_the_same_words_the_tapped_one_is_meant() -> None:
    """A counselor may write a line under two headings."""
    note = a_note(a_revision(an_item("Sleep."), an_item("Sleep.", Kind.QUESTION)))
    assert [item.kind for item in tapped(note, ItemChange.DROPPED, 1).items] == [Kind.ANALYSIS]
    assert [item.kind for item in tapped(note, ItemChange.DROPPED, 0).items] == [Kind.QUESTION]


def test_what_an_answer_took_over() -> None:
    """Counted by words, of the revision before; a first answer and a counselor's revision answer nothing."""
    note = three()
    assert taken_over(note) is None
    edited = tapped(note, ItemChange.DROPPED, 0)
    assert taken_over(edited) is None
    answer = edited.revise(a_revision(edited.items[0], an_item("What helps?", Kind.QUESTION), number=3))
    taken = taken_over(answer)
    assert taken
    assert (taken.count, taken.before, taken.new) == (1, 2, ("What helps?",))
    assert answered_since(answer, edited.revisions[-1].id)
    assert not answered_since(edited, note.revisions[0].id)
    assert not answered_since(answer, answer.revisions[-1].id)
    assert answered_since(answer, "nobody")


def test_of_what_a_reason_is_asked() -> None:
    """Of the newest edit, and under the answer to it; of a note that somebody finds bad; not of what was kept or taken back."""
    note = three()
    assert asks_why(note, Edits()) is None
    assert asks_why(note, Edits(disliked=frozenset({note.revisions[0].id}))) == note.revisions[0]
    dropped = tapped(note, ItemChange.DROPPED, 0)
    edit = dropped.revisions[-1]
    assert asks_why(dropped, Edits({edit.id: ItemChange.DROPPED})) == edit
    answered = dropped.revise(a_revision(an_item("New."), number=3))
    assert asks_why(answered, Edits()) == edit
    assert asks_why(answered.revise(a_revision(an_item("Newer."), number=4)), Edits()) is None
    kept = tapped(dropped, ItemChange.KEPT, 0)
    changes = {edit.id: ItemChange.DROPPED, kept.revisions[-1].id: ItemChange.KEPT}
    assert asks_why(kept, Edits(changes)) == edit
    undone = tapped(dropped, ItemChange.UNDONE)
    assert asks_why(undone, Edits({edit.id: ItemChange.DROPPED, undone.revisions[-1].id: ItemChange.UNDONE})) is None


kinds = st.sampled_from(Kind)
notes = st.lists(st.tuples(kinds, st.booleans(), st.booleans()), max_size=40)


@given(notes, st.lists(kinds, max_size=40))
@settings(max_examples=200, deadline=None)
def test_a_shorter_note_is_shorter(found: list[tuple[Kind, bool, bool]], answer: list[Kind]) -> None:
    """Whatever the model answers: fewer of its lines, nobody else's touched, or there was nothing to shorten."""
    items = [
        Item(kind, f"{number} {kind}", Origin.COUNSELOR if own else Origin.MODEL, kept=kept)
        for number, (kind, own, kept) in enumerate(found)
    ]
    shorter = shorter_than(items)
    free = [item.kind for item in items if item.origin is Origin.MODEL and not item.kept]
    if shorter is None:
        assert all(free.count(kind) < 2 for kind in Kind)
        return
    added = [NoteItem(kind, f"{'xyz'[number % 3] * 9} {number}") for number, kind in enumerate(answer)]
    result = shorter.cut(build_on(staying(items), added))
    assert len(result) < len(items)
    assert staying(result) == tuple(sorted(staying(items), key=lambda item: list(Kind).index(item.kind)))
    assert all(sum(item.kind is kind and not staying([item]) for item in result) <= free.count(kind) for kind in Kind)


taps = st.lists(st.tuples(st.sampled_from(ItemChange), st.integers(0, 5), st.integers(0, 3)), max_size=12)


@given(taps, st.lists(st.sampled_from(["Sleep is short.", "Keep a diary.", "Walk more.", "Other words.", "What helps?"]), max_size=5))
@settings(max_examples=200, deadline=None)
def test_no_taps_let_the_model_change_words_or_bring_back_what_was_dropped(
    played: list[tuple[ItemChange, int, int]], answer: list[str]
) -> None:
    """Any taps on any revision, then an answer: own words and kept lines are in it, word for word, and nothing that was dropped is."""
    note = three()
    for number, (change, place, of) in enumerate(played):
        seen = note.revisions[-1] if change is ItemChange.UNDONE else note.revisions[of % len(note.revisions)]
        try:
            items = change_item(note, seen.id, place, change, [f"Words {number}."])
        except OutOfDate:
            continue
        assert change is ItemChange.UNDONE or len(set(items) - set(note.items)) <= 1
        note = note.revise(a_revision(*items, number=len(note.revisions) + 1, by=a_counselor()))
    result = build_on(staying(note.items), [NoteItem(Kind.ADVICE, text) for text in answer], note.dropped_texts())
    assert set(staying(note.items)) <= set(result)
    added = [item for item in result if item not in staying(note.items)]
    assert all(item.origin is Origin.MODEL and not item.kept for item in added)
    assert not [item for item in added if any(same_text(item.text, text) for text in note.dropped_texts())]


# the workflow


async def described(desk: Desk) -> str:
    """A case with one note; the id of its description."""
    post = a_post()
    await desk.do(post)
    return post.ts


def seen(desk: Desk, **more: Any) -> dict[str, Any]:
    """The newest note and its revision, as somebody sees them."""
    note = desk.newest.note
    assert note.current
    return {**WHO, "note_id": note.id, "revision_id": note.current.id, **more}


async def tap(desk: Desk, change: ItemChange, place: int, *new: str) -> None:
    """A tap on a line of the newest note."""
    await desk.do(ItemChanged(**seen(desk), place=place, change=change, lines=new, source="V1" if new else ""))


async def ask(desk: Desk, wish: Wish, at: str = "1900000000.1") -> None:
    """New answer or Shorter under the newest note."""
    await desk.do(AskedAnew(**seen(desk, at=at), wish=wish))


async def test_lines_are_dropped_in_a_row_without_the_model(store_url: str) -> None:
    """The note changes at once, in its place, by the counselor; the model is asked once, when somebody wants a new answer."""
    async with a_desk(store_url, LONG, [NoteItem(Kind.ADVICE, "advice alpha"), NoteItem(Kind.ADVICE, "advice echo")]) as desk:
        await described(desk)
        await tap(desk, ItemChange.DROPPED, 0)
        await tap(desk, ItemChange.DROPPED, 3)
        await tap(desk, ItemChange.KEPT, 0)
        await tap(desk, ItemChange.REWRITTEN, 1, "My own words.")
        assert len(desk.model.prompts) == 1
        before = desk.newest.note
        assert [revision.author.name for revision in before.revisions] == ["phyassist", *["U0ANNA"] * 4]
        await ask(desk, Wish.ANEW)
        assert desk.texts() == ["analysis bravo", "My own words.", "advice echo"]  # what was dropped doesn't come back
        assert len(desk.model.prompts) == 2
        assert desk.model.temperatures == [None, ANEW_TEMPERATURE]
        taken = taken_over(desk.newest.note)
        assert taken
        assert taken.new == ("advice echo",)


async def test_a_new_answer_asks_the_same_once_more(store_url: str) -> None:
    """The prompt ends with the newest report; after an edit by reply, too, a full note is asked for."""
    async with a_desk(store_url, FIRST, MORE, FIRST, MORE) as desk:
        ts = await described(desk)
        await desk.do(a_post("- Keep a diary.\n- My own line", thread_ts=ts))
        assert desk.newest.reading is Reading.EDITED
        await ask(desk, Wish.ANEW)
        assert desk.texts() == ["My own line", "Keep a diary."]  # the others were dropped
        assert desk.model.prompts[-1][-1]["content"].endswith("The client sleeps badly.")
        await desk.do(a_post("The client works nights.", thread_ts=ts))
        desk.model.answers.append([NoteItem(Kind.QUESTION, "Which nights?")])
        await ask(desk, Wish.ANEW, at="1900000000.2")
        assert "The client works nights." in desk.model.prompts[-1][-1]["content"]
        assert desk.texts() == ["My own line", "Which nights?"]
        assert desk.newest.reading is Reading.INFORMATION  # the other reading is still offered


async def test_a_shorter_answer_has_half_the_lines(store_url: str) -> None:
    """The server is held to fewer lines, and what it writes all the same is cut; own and kept lines stay; then there is nothing left."""
    async with a_desk(store_url, LONG, LONG, [NoteItem(kind, f"{kind} new") for kind in Kind]) as desk:
        await described(desk)
        await tap(desk, ItemChange.KEPT, 3)
        await tap(desk, ItemChange.REWRITTEN, 0, "My own words.")
        await ask(desk, Wish.SHORTER)
        first = ["My own words.", "analysis delta", "analysis bravo"]
        assert desk.texts() == [*first, "advice alpha", "advice bravo", "question alpha", "question bravo"]
        schema = desk.model.schemas[-1]
        assert schema
        assert schema["properties"]["advice"]["maxItems"] == 2
        assert desk.model.temperatures[-1] is None
        await ask(desk, Wish.SHORTER, at="1900000000.2")
        assert desk.texts() == [*first[:2], "analysis new", "advice new", "question new"]
        await ask(desk, Wish.SHORTER, at="1900000000.3")
        assert desk.channel.notices == [Sign.NOTHING_TO_SHORTEN]
        assert len(desk.model.prompts) == 3


async def test_a_second_press_gives_no_second_answer(store_url: str) -> None:
    """Pressed under what has been answered since, the button does nothing and says so."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        await described(desk)
        old = seen(desk)
        await ask(desk, Wish.ANEW)
        await desk.do(AskedAnew(**{**old, "at": "1900000000.2"}, wish=Wish.ANEW))
        assert desk.channel.notices == [Sign.OUT_OF_DATE]
        assert len(desk.model.prompts) == 2
        assert desk.texts() == [item.text for item in MORE]


async def test_an_answer_that_failed_can_be_asked_for_again(store_url: str) -> None:
    """The same wish once more is another act."""
    async with a_desk(store_url, FIRST, "no json", "no json", MORE) as desk:
        await described(desk)
        old = seen(desk)
        await ask(desk, Wish.ANEW)
        await desk.do(AskedAnew(**{**old, "at": "1900000000.2"}, wish=Wish.ANEW))
        assert desk.texts() == [item.text for item in MORE]


async def test_two_people_who_drop_the_same_line_drop_it_once(store_url: str) -> None:
    """The second tap changes nothing, and nobody is bothered; a note that was accepted is open again after a tap."""
    async with a_desk(store_url, FIRST) as desk:
        await described(desk)
        await desk.do(Accept(**seen(desk), message_ts="5.5"))
        assert desk.newest.note.acceptance
        old = seen(desk)
        await desk.do(ItemChanged(**old, place=0, change=ItemChange.DROPPED))
        assert not await desk.do(ItemChanged(**{**old, "user_id": "U0LI"}, place=0, change=ItemChange.DROPPED))
        await desk.do(ItemChanged(**seen(desk), place=0, change=ItemChange.KEPT))
        await desk.do(ItemChanged(**{**old, "user_id": "U0LI"}, place=1, change=ItemChange.DROPPED))
        assert desk.texts() == ["Since when?"]
        assert desk.newest.note.acceptance is None
        assert desk.channel.notices == []


async def test_a_tap_is_undone_as_long_as_nothing_came_since(store_url: str) -> None:
    """Undo brings back the line, also for a later answer; it undoes taps only, and only the newest."""
    async with a_desk(store_url, FIRST, [*FIRST, *MORE]) as desk:
        await described(desk)
        await desk.do(ItemChanged(**seen(desk), place=0, change=ItemChange.UNDONE))
        assert desk.channel.notices == [Sign.OUT_OF_DATE]  # the model wrote that
        await tap(desk, ItemChange.DROPPED, 0)
        assert desk.newest.why
        assert desk.newest.why.undo
        old = seen(desk)
        await desk.do(ItemChanged(**old, place=0, change=ItemChange.UNDONE))
        assert desk.texts() == [item.text for item in FIRST]
        assert desk.newest.why is None
        await desk.do(ItemChanged(**{**old, "user_id": "U0LI"}, place=1, change=ItemChange.UNDONE))
        assert desk.channel.notices == [Sign.OUT_OF_DATE] * 2
        await ask(desk, Wish.ANEW)
        assert "Sleep is short." in desk.texts()


async def test_an_approved_summary_takes_no_tap(store_url: str) -> None:
    """Neither a line nor a wish; a draft takes taps on its lines, but no new answer."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        await described(desk)
        await desk.do(Summarize(**WHO, trigger="t1"))
        await ask(desk, Wish.ANEW)
        assert desk.channel.notices == [Sign.GONE]
        await tap(desk, ItemChange.DROPPED, 0)
        await desk.do(Approve(**seen(desk)))
        assert desk.newest.note.approval
        left = desk.newest.note.items
        await tap(desk, ItemChange.DROPPED, 0)
        assert desk.channel.notices == [Sign.GONE, Sign.LOCKED]
        async with desk.database.begin() as uow:
            note = await uow.note(desk.newest.note.id)
        assert note
        assert note.items == left


async def test_the_other_reading_is_offered_after_taps(store_url: str) -> None:
    """A tap on the answer to a reply leaves the button for the other reading, and it still works."""
    async with a_desk(store_url, FIRST, MORE, []) as desk:
        ts = await described(desk)
        reply = a_post("She wakes at three. Coffee.", thread_ts=ts)
        await desk.do(reply)
        await tap(desk, ItemChange.DROPPED, 0)
        assert (desk.newest.reading, desk.newest.reply_ts) == (Reading.INFORMATION, reply.ts)
        await desk.do(Reread(**seen(desk), source_ts=reply.ts, reading=Reading.EDITED))
        assert desk.newest.reading is Reading.EDITED
        assert "She wakes at three. Coffee." in desk.texts()


# reasons and thumbs


async def test_reasons_are_offered_after_each_way_of_editing_and_stored(store_url: str) -> None:
    """After a tap, a reply and the form the note asks why, once; after an answer to news it doesn't."""
    async with a_desk(store_url, FIRST, [], [], MORE) as desk:
        ts = await described(desk)
        assert desk.newest.why is None
        await tap(desk, ItemChange.DROPPED, 0)
        await stated(desk, Reason.FACT)
        await desk.do(a_post("- Keep a diary.\n- My own line", thread_ts=ts))
        await stated(desk, Reason.TONE)
        items = tuple(lines("My own line"))
        await desk.do(HandedBack(**WHO, note_id=desk.newest.note.id, base_revision_id=seen(desk)["revision_id"], items=items, source="V2"))
        await stated(desk, Reason.SCOPE)
        await desk.do(a_post("By the way, the client works night shifts.", thread_ts=ts))
        assert desk.newest.why is None
        async with desk.database.begin() as uow:
            edits = await uow.edits(desk.newest.note.id)
        by_number = {revision.number: edits.reasons.get(revision.id) for revision in desk.newest.note.revisions}
        assert by_number == {1: None, 2: "fact", 3: "tone", 4: None, 5: "scope", 6: None, 7: None}
        assert len(desk.model.prompts) == 4


async def stated(desk: Desk, reason: Reason) -> None:
    """Taps on a reason, where the note asks for one."""
    why = desk.newest.why
    assert why
    assert (why.reason, why.edited) == (None, True)
    await desk.do(ReasonStated(**{**seen(desk), "revision_id": why.revision_id}, reason=reason))
    assert desk.newest.why == replace(why, reason=reason)


async def test_a_thumb_down_asks_what_is_wrong(store_url: str) -> None:
    """A thumb up is kept and nothing else happens; the newest of a person counts; a reason goes with the model's revision."""
    async with a_desk(store_url, FIRST) as desk:
        await described(desk)
        for number, good in enumerate((True, False, True, False)):
            await desk.do(Felt(**seen(desk, at=f"1900000000.{number}"), good=good))
            assert (desk.newest.why is None) is good
        assert desk.newest.why
        assert not desk.newest.why.edited
        await desk.do(ReasonStated(**seen(desk), reason=Reason.RISK))
        assert desk.newest.why.reason is Reason.RISK
        await desk.do(Felt(**{**seen(desk, at="1900000001.0"), "revision_id": "nobody"}, good=False))
        assert desk.channel.notices == [Sign.OUT_OF_DATE]


# what a night learns from it


async def test_taps_are_an_edit_with_its_reason(store_url: str) -> None:
    """The draft lost against what taps left of it; the newest reason goes with the pair, of whichever tap it was stated."""
    async with a_desk(store_url, LONG[:5], MORE) as desk:
        await described(desk)
        await tap(desk, ItemChange.DROPPED, 0)
        await stated(desk, Reason.TONE)
        await tap(desk, ItemChange.KEPT, 0)
        await tap(desk, ItemChange.REWRITTEN, 1, "My own words.")
        await stated(desk, Reason.FACT)
        left = tuple(NoteItem(item.kind, item.text) for item in desk.newest.note.items)
        await ask(desk, Wish.ANEW)
        await desk.do(Accept(**seen(desk), message_ts="5.5"))
        record = await the_record(desk)
        first, second = record.events
        assert first.edit
        assert (first.edit.items, first.edit.author, first.edit.reason) == (left, "U0ANNA", Reason.FACT)
        assert second.kept == (NoteItem(Kind.ANALYSIS, "analysis bravo"), NoteItem(Kind.ANALYSIS, "My own words."))
        rows = build_rows(record, str, Budget(desk.model.context_tokens - 500, lambda text: len(text) // 4), "night")
        assert [(pair.reason, pair.counts.cut) for pair in rows.preferences] == [(Reason.FACT, 2)]
        assert [list(row.messages) for row in rows.examples] == [list(prompt) for prompt in desk.model.prompts]


@pytest.mark.parametrize(
    ("taps", "accepted"),
    [([ItemChange.KEPT], False), ([ItemChange.KEPT], True), ([ItemChange.DROPPED, ItemChange.UNDONE], False)],
)
async def test_taps_that_change_no_word_are_no_edit(store_url: str, taps: list[ItemChange], accepted: bool) -> None:
    """Whoever keeps a line, or drops one and takes it back, does not stand behind the whole note; whoever then accepts it does."""
    async with a_desk(store_url, FIRST) as desk:
        await described(desk)
        for change in taps:
            await tap(desk, change, 0)
        if accepted:
            await desk.do(Accept(**seen(desk), message_ts="5.5"))
        record = await the_record(desk)
        assert [(event.edit, event.verdict) for event in record.events] == [(None, "accepted" if accepted else "open")]


async def test_a_reason_for_a_bad_note_goes_with_its_edit(store_url: str) -> None:
    """Said of the draft before it was edited, it explains the edit; said of the edit, that counts."""
    async with a_desk(store_url, FIRST, []) as desk:
        ts = await described(desk)
        await desk.do(Felt(**seen(desk), good=False))
        await desk.do(ReasonStated(**seen(desk), reason=Reason.RISK))
        await desk.do(a_post("- Keep a diary.\n- My own line", thread_ts=ts))
        record = await the_record(desk)
        assert [event.edit.reason for event in record.events if event.edit] == [Reason.RISK]


def test_the_view_of_a_note_needs_no_reason() -> None:
    """Nothing asks why unless it is said so."""
    assert NoteView(three(), "en").why is None  # type: ignore[arg-type]  # the language doesn't matter here
