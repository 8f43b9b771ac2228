"""Notes before and after: kept encrypted with their cases, judged once by each admin, and shown within Slack's limits."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.case import Consent, Withdrawal
from bot.slack.blind_views import NEITHER, blind_line, blind_modal, read_blind, shown_modal
from bot.store.database import Database
from bot.workflow.blind import Choice, Judgement, NightSample, Side, Tally, tally
from deploy.sandbox.validate import checked_view
from deploy.sandbox.validate.check import Surface
from inference.note import Kind, Language, NoteItem
from tests.bot.test_store import PLANTED, a_database, dump, encodings
from tests.support.builders import NOW, a_sample
from training.night.sample import SAID_CHARS, SAMPLES, Sample

NIGHT = "night-2026-03-01"


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """A new database."""
    async with a_database(store_url) as database:
        yield database


async def a_case(database: Database, channel: str, *steps: Consent | Withdrawal) -> str:
    """A case with a history of consent; its id."""
    async with database.begin() as uow:
        case = await uow.open_case("T1", channel, Language.ENGLISH, NOW)
        for step in steps:
            await uow.add_consent(case.id, step)
    return case.id


GIVEN = Consent("the client", date(2026, 2, 27), "U0ANNA", NOW)
WITHDRAWN = Withdrawal("U0ANNA", NOW)


async def kept(database: Database) -> list[tuple[int, Sample]]:
    """What may be shown of the night."""
    return [(one.number, one.sample) for one in await database.samples(NIGHT)]


async def test_samples_come_back_and_stand_nowhere_in_plain_text(database: Database, store_url: str) -> None:
    """In their order, each under its own case's key; kept again, they stand in place of those before; other nights have theirs."""
    cases = [await a_case(database, f"C{number}", GIVEN) for number in range(3)]
    first = [a_sample(case, PLANTED[0], PLANTED[1], PLANTED[2]) for case in cases]
    await database.keep_samples(NIGHT, first)
    await database.keep_samples("night-2", first[:1])
    assert await kept(database) == list(enumerate(first))
    content = await dump(store_url)
    assert not [sentence for sentence in PLANTED for way in encodings(sentence) if way in content]
    again = [a_sample(cases[2], before=None)]
    await database.keep_samples(NIGHT, again)
    assert await kept(database) == [(0, again[0])]
    assert len(await database.samples("night-2")) == 1


async def test_cases_without_consent_are_neither_kept_nor_shown(database: Database) -> None:
    """Unknown, never asked, withdrawn, withdrawn since: only the others stay, under their own numbers."""
    given = [await a_case(database, "C1", GIVEN), await a_case(database, "C2", GIVEN), await a_case(database, "C5", GIVEN)]
    others = ["nobody", await a_case(database, "C3"), await a_case(database, "C4", GIVEN, WITHDRAWN)]
    await database.keep_samples(NIGHT, [a_sample(case) for case in (*others, *given)])
    assert [(number, sample.case_id) for number, sample in await kept(database)] == list(enumerate(given, start=3))
    async with database.begin() as uow:
        await uow.add_consent(given[0], WITHDRAWN)
    await database.delete_case(given[1])
    assert [(number, sample.case_id) for number, sample in await kept(database)] == [(5, given[2])]
    async with database.begin() as uow:
        await uow.add_consent(given[0], GIVEN)
    assert [number for number, _ in await kept(database)] == [5]  # what was withdrawn is gone for good


async def test_an_admin_judges_once(database: Database) -> None:
    """Who has been shown which is which can't say anything else, not even at the same moment; others can."""
    choices = {0: Choice.NEW, 1: None, 2: Choice.NEITHER}
    tries = await asyncio.gather(*(database.judge(NIGHT, "U0ADA", choices) for _ in range(3)))
    assert sorted(tries) == [False, False, True]
    assert not await database.judge(NIGHT, "U0ADA", dict.fromkeys(choices, Choice.OLD))
    assert await database.judge(NIGHT, "U0SOL", dict.fromkeys(choices))
    assert await database.judge("night-2", "U0ADA", {0: Choice.OLD})
    judgements = await database.judgements(NIGHT)
    assert {one.user_id: one.choices for one in judgements} == {"U0ADA": choices, "U0SOL": dict.fromkeys(choices)}
    assert tally(judgements) == Tally(admins=1, new=1, old=0, neither=1)


async def test_a_remark_stays_with_its_night(database: Database) -> None:
    """The newest one."""
    await database.begin_night(NIGHT, None)
    for remark in ("In service.", "Left."):
        await database.night_remark(NIGHT, remark)
    night = await database.night(NIGHT)
    assert night
    assert night.remark == "Left."


# which is which


def test_sides_follow_from_the_night_and_both_occur() -> None:
    """The same each time, differing among descriptions and nights; either note stands on just one side."""
    drawn = [NightSample(f"night-{night}", number, a_sample("c")) for night in range(9) for number in range(5)]
    assert {one.new_side for one in drawn} == set(Side)
    assert len({tuple(one.new_side for one in drawn[first : first + 5]) for first in range(0, 45, 5)}) > 3
    for one in drawn:
        assert one.new_side is NightSample(one.night, one.number, a_sample("another")).new_side
        assert {one.note(side): one.meant(side) for side in Side} == {one.sample.after: Choice.NEW, one.sample.before: Choice.OLD}
        assert one.meant(None) is Choice.NEITHER


def test_an_empty_tally_counts_nobody() -> None:
    """Who looked without saying anything is not counted."""
    assert tally([]) == tally([Judgement("U1", {0: None})]) == Tally()


# the modals


def modal_text(view: dict[str, Any]) -> str:
    """All of it."""
    return json.dumps(view, ensure_ascii=False)


long_texts = st.text(st.sampled_from("睡a &\n<"), min_size=1).map(lambda text: text * 3000)
long_items = st.builds(NoteItem, st.sampled_from(Kind), long_texts.map(lambda text: text[:4000]))
long_notes = st.none() | st.lists(long_items, max_size=40).map(tuple)
long_said = long_texts.map(lambda text: text[:SAID_CHARS])
long_samples = st.builds(Sample, st.just("c"), st.sampled_from(Language), long_said, long_notes, long_notes)


@settings(max_examples=30, deadline=None)
@given(st.lists(long_samples, min_size=1, max_size=SAMPLES), st.sampled_from(Language))
def test_both_modals_fit_into_slack(samples: list[Sample], language: Language) -> None:
    """Blocks, characters and bytes of the largest samples are within what Slack takes, before and after; a short sample is shown whole."""
    shown = [NightSample(NIGHT, number, sample) for number, sample in enumerate(samples)]
    for view in (blind_modal(NIGHT, shown, language), shown_modal(shown, {0: Choice.NEW}, Tally(1, 1), language)):
        assert checked_view(view, Surface.MODAL)


@pytest.mark.parametrize("language", Language)
def test_the_first_modal_does_not_tell_and_the_second_does(language: Language) -> None:
    """Swapped notes give the same form but for their texts; afterwards each note says whose it is, and what was chosen."""
    one = NightSample(NIGHT, 0, a_sample("c", before="<Old> words.", after=None))
    swapped = NightSample(NIGHT, 0, a_sample("c", before=None, after="<Old> words."))
    first, other = (modal_text(blind_modal(NIGHT, [each], language)) for each in (one, swapped))
    assert first != other
    assert sorted(first) == sorted(other)
    assert "&lt;Old&gt; words." in first
    assert "c" not in json.loads(blind_modal(NIGHT, [one], language)["private_metadata"]).values()
    shown = shown_modal([one], {0: Choice.OLD}, Tally(1, 0, 1), language)
    assert blind_line(Tally(1, 0, 1), language) in modal_text(shown)
    whose = [block["text"]["text"].splitlines()[0] for block in shown["blocks"] if block["type"] == "section"][2:]
    assert len(set(whose)) == 2
    assert modal_text(shown) != modal_text(shown_modal([swapped], {0: Choice.OLD}, Tally(1, 0, 1), language))


def test_what_was_chosen_is_read_by_number() -> None:
    """A, neither, and nothing at all."""
    options = [{"value": "a"}, {"value": NEITHER}, None]
    values = {str(number): {"choice": {"selected_option": option}} for number, option in enumerate(options)}
    assert read_blind(values) == {0: Side.A, 1: None}
