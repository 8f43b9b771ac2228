"""Note formats and what a correction by sections does: pure rules, for any note."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.arrangement import Line, arranged, corrected
from bot.domain.errors import NotAllowed, NoteLocked, OutOfDate, SectionsMissing
from bot.domain.formats import BUILT_IN, ITEMIZED, NoteFormat, Takes, note_formats
from bot.domain.note import Item, Note, Origin, Purpose, Revision, adopt
from bot.domain.shared_file import FileType, file_name
from bot.domain.signing import Addendum, Role, Signer
from bot.domain.templates import UnusableTemplates, read_templates
from bot.workflow.final_sections import broken, carried_forward
from inference.note import Kind, Language, NoteItem, clean_text
from tests.support.builders import NOW, a_counselor, a_note, a_revision, an_item

SOAP, GIRP = BUILT_IN["soap"], BUILT_IN["girp"]
FORMATS = list(BUILT_IN.values())
TEMPLATE = """
intake:
  title: {en: Intake note, zh: 初访记录}
  sections:
    - {key: concern, title: {en: Concern, zh: 来访原因}, takes: [reported]}
    - {key: rest, title: {en: Rest, zh: 其余}, takes: [own, analysis, advice, questions], required: true}
"""


def entered(section: str, text: str) -> Item:
    """A line that a counselor entered in a section."""
    return Item(Kind.ANALYSIS, text, Origin.COUNSELOR, section=section)


def in_format(form: NoteFormat, *items: Item) -> Note:
    """A final note of one revision, in a format."""
    return replace(a_note(a_revision(*items), purpose=Purpose.SUMMARY), format=form)


def items_of(form: NoteFormat) -> st.SearchStrategy[Item]:
    """Any item that a note in this format can hold."""
    keys = [section.key for section in form.sections if section.own]
    texts = st.text("abc 你好", min_size=1, max_size=6).filter(str.strip)
    plain = st.builds(Item, st.sampled_from(Kind), texts, st.sampled_from(Origin))
    return st.one_of(plain, st.builds(entered, st.sampled_from(keys), texts)) if keys else plain


notes = st.sampled_from(FORMATS).flatmap(
    lambda form: st.tuples(st.just(form), st.lists(items_of(form), max_size=12, unique_by=lambda i: i.text))
)


@given(notes)
def test_every_line_stands_in_exactly_one_place(drawn: tuple[NoteFormat, list[Item]]) -> None:
    """No format leaves out what anybody wrote, or says it twice."""
    form, items = drawn
    shown = [item for each in arranged(form, items) for part in each.parts for item in part.items]
    assert sorted(shown, key=repr) == sorted(items, key=repr)


@given(notes, st.data())
def test_a_modal_handed_back_unchanged_changes_nothing(drawn: tuple[NoteFormat, list[Item]], data: st.DataObject) -> None:
    """And one with lines left out or added changes just those; origins and marks of the others stay."""
    form, items = drawn
    note = in_format(form, *items)
    lines = [Line(each.section.key, part.takes, item.text) for each in arranged(form, items) for part in each.parts for item in part.items]
    assert note.current
    assert set(corrected(note, lines, note.current.id)) == set(items)
    left = data.draw(st.lists(st.sampled_from(lines), unique=True)) if lines else []
    own = Line(form.sections[0].key, form.sections[0].takes[0], "quite new")
    found = corrected(note, [*left, own], note.current.id)
    assert {item.text for item in found} == {line.text for line in left} | {"quite new"}
    assert {item for item in found if item.text != "quite new"} <= set(items)
    assert next(item for item in found if item.text == "quite new").origin is Origin.COUNSELOR


def test_two_counselors_correct_at_once_and_nothing_is_lost() -> None:
    """What one dropped stays dropped in the other's list, what one added stays beside it."""
    first = a_revision(entered("objective", "Tired."), an_item("Sleep is short."), an_item("Walk.", Kind.ADVICE))
    second = a_revision(an_item("Walk.", Kind.ADVICE), entered("objective", "Pale."), number=2, by=a_counselor())
    note = replace(a_note(first, second, purpose=Purpose.SUMMARY), format=SOAP)
    lines = [
        Line("objective", Takes.OWN, "Tired."),
        Line("assessment", Takes.ANALYSIS, "Sleep is short."),
        Line("assessment", Takes.ANALYSIS, "Grief."),
        Line("plan", Takes.ADVICE, "Walk."),
    ]
    found = corrected(note, lines, first.id)
    assert [(item.text, item.section) for item in found] == [("Grief.", ""), ("Walk.", ""), ("Pale.", "objective")]


def test_a_line_moved_to_another_kind_keeps_its_words_and_origin() -> None:
    """Advice that belongs among the questions is moved, not rewritten."""
    note = in_format(SOAP, an_item("Call him?", Kind.ADVICE))
    (item,) = corrected(note, [Line("plan", Takes.QUESTIONS, "Call him?")], None)
    assert item == an_item("Call him?", Kind.QUESTION)


def test_an_edited_list_of_items_leaves_sections_alone() -> None:
    """A reply or a shortcut knows kinds only: what was entered in a section stays there, and isn't taken in twice."""
    current = (an_item("Sleep is short."), entered("objective", "Tired."))
    assert adopt([NoteItem(Kind.ANALYSIS, "Grief."), NoteItem(Kind.ANALYSIS, "Tired.")], current) == (
        an_item("Grief.", origin=Origin.COUNSELOR),
        entered("objective", "Tired."),
    )


def test_the_hash_of_notes_without_sections_is_what_it_was() -> None:
    """What was approved before there were formats still has the hash that was approved; a section counts, a mark doesn't."""
    revision = a_revision(an_item("Sleep is short."))
    assert revision.content_hash == "efb14316721aa2255850740a0e353c8689d0a036c2c6062041b9e6c95ea96660"
    assert a_revision(replace(an_item("Sleep is short."), carried=True)).content_hash == revision.content_hash
    assert a_revision(replace(an_item("Sleep is short."), section="plan")).content_hash != revision.content_hash


# approval


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_required_sections_are_filled_before_approval(form: NoteFormat) -> None:
    """A section of own words needs one of them; others any line. The error names what is missing."""
    items = [an_item("a"), an_item("b", Kind.ADVICE)]
    own = {section.key for section in form.sections if section.own is Takes.OWN}
    missing = [section.key for section in form.sections if section.key in own or section.takes == (Takes.REPORTED,)]
    note = in_format(form, *items)
    assert note.current
    with pytest.raises(SectionsMissing) as error:
        note.approve("U0ANNA", note.current.id, NOW)
    assert [section.key for section in error.value.sections] == missing
    full = in_format(form, *items, *(entered(key, key) for key in missing))
    assert full.current
    assert full.approve("U0ANNA", full.current.id, NOW).approval


def an_approved_note() -> Note:
    """Approved by anna."""
    note = a_note(a_revision(an_item()), purpose=Purpose.SUMMARY)
    assert note.current
    return note.approve("U0ANNA", note.current.id, NOW, Role.COUNSELOR, "Anna")


ACTIONS = st.sampled_from(["add", "cosign", "revise", "approve", "own cosign", "counselor cosign", "stale cosign"])


@given(st.lists(ACTIONS, max_size=12))
def test_whatever_follows_an_approval_the_note_stays(actions: list[str]) -> None:
    """Addenda are numbered, the first supervisor's signature counts, and revisions, format and approval are what they were."""
    note = approved = an_approved_note()
    assert note.approval
    sol, hash_ = Signer("U0SOL", "Sol", Role.SUPERVISOR), note.approval.content_hash
    for number, action in enumerate(actions):
        match action:
            case "add":
                note = note.add(Addendum(str(number), 0, sol, "More.", NOW))
            case "cosign":
                note = note.cosign(sol, hash_, NOW)
            case "revise":
                with pytest.raises(NoteLocked):
                    note.revise(a_revision(number=2))
            case "approve":
                with pytest.raises(NoteLocked):
                    note.approve("U0LI", approved.revisions[0].id, NOW)
            case "stale cosign":
                with pytest.raises(OutOfDate):
                    note.cosign(sol, "0" * 64, NOW)
            case _:
                who = Signer("U0ANNA", "Anna", Role.SUPERVISOR) if action == "own cosign" else Signer("U0LI", "Li", Role.COUNSELOR)
                with pytest.raises(NotAllowed):
                    note.cosign(who, hash_, NOW)
    assert replace(note, addenda=(), cosignature=None) == approved
    assert [added.number for added in note.addenda] == list(range(1, actions.count("add") + 1))
    assert (note.cosignature is not None) is ("cosign" in actions)


def test_a_draft_takes_neither_addendum_nor_co_signature() -> None:
    """It can still be corrected itself."""
    note, sol = a_note(a_revision(an_item()), purpose=Purpose.SUMMARY), Signer("U0SOL", "Sol", Role.SUPERVISOR)
    with pytest.raises(NotAllowed, match="not_approved"):
        note.add(Addendum("1", 0, sol, "More.", NOW))
    with pytest.raises(NotAllowed, match="not_approved"):
        note.cosign(sol, "0" * 64, NOW)


# the plan


def approved_with(*items: Item, form: NoteFormat | None = None) -> Note:
    """An approved final note of an earlier session, whatever its format requires."""
    note = a_note(a_revision(*items), purpose=Purpose.SUMMARY)
    assert note.current
    return replace(note.approve("U0ANNA", note.current.id, NOW), format=form)


def test_only_unreplaced_advice_is_carried_word_for_word() -> None:
    """Analysis and questions aren't, nor what the new note says in nearly the same words, nor what a draft since has dropped."""
    last = approved_with(
        an_item("Sleep is short."),
        *(an_item(text, Kind.ADVICE, Origin.COUNSELOR) for text in ("Walk daily.", "Keep a diary.", "Call Ben.")),
    )
    edited: tuple[Revision, ...] = (a_revision(an_item("Call Ben.", Kind.ADVICE)), a_revision(an_item("x"), number=2, by=a_counselor()))
    draft = a_note(*edited, purpose=Purpose.SUMMARY)
    new = a_note(purpose=Purpose.SUMMARY)
    found = carried_forward(new, [last, draft, new], [an_item("keep a diary", Kind.ADVICE)])
    assert found == (replace(an_item("Walk daily.", Kind.ADVICE, Origin.COUNSELOR), carried=True),)


def test_goals_are_carried_where_both_notes_have_them() -> None:
    """From GIRP to GIRP; a format without that section has no place for them."""
    last = approved_with(entered("goals", "Sleeps through."), entered("intervention", "Talked."), form=GIRP)
    for form, texts in ((GIRP, ["Sleeps through."]), (SOAP, [])):
        new = replace(a_note(purpose=Purpose.SUMMARY), format=form)
        assert [item.text for item in carried_forward(new, [last, new], [])] == texts


@given(st.text("ab 你。.!？”)\n", max_size=60).map(clean_text).filter(bool), st.integers(1, 30))
def test_long_paragraphs_are_broken_between_sentences(text: str, limit: int) -> None:
    """Not a letter is lost, and only one sentence alone is longer than a line."""
    lines = broken(text, limit)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(lines)
    assert all(len(line) <= limit or len(broken(line, 1)) == 1 for line in lines)


def test_sentences_end_where_people_end_them() -> None:
    """In both languages; a decimal point is none."""
    assert broken("She slept 4.5 hours. “Never more.” Then she rose.", 25) == ["She slept 4.5 hours.", "“Never more.”", "Then she rose."]
    assert broken("睡得不好。她说：“不行。”然后起床。", 9) == ["睡得不好。", "她说：“不行。”", "然后起床。"]


# templates


def test_a_teams_template_stands_beside_the_built_in_formats() -> None:
    """Under its name, with its titles, in the order of the file."""
    formats = read_templates(TEMPLATE)
    assert note_formats(formats) == (ITEMIZED, *BUILT_IN, "intake")
    assert formats["intake"].title.of(Language.CHINESE) == "初访记录"
    assert NoteFormat.model_validate_json(formats["intake"].model_dump_json()) == formats["intake"]
    assert read_templates("") == BUILT_IN


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("intake:", "soap:", "soap: is the name of a built-in format"),
        ("intake:", "In take:", "In take.name: String should match"),
        ("takes: [reported]", "takes: [feelings]", "intake.sections.1.takes.1: Input should be 'reported', 'own'"),
        ("takes: [reported]", "takes: [reported, own]", "intake.sections.1: section concern takes either reported or own"),
        ("takes: [reported]", "takes: [advice]", "intake: stands twice: advice"),
        ("advice, questions]", "advice]", "intake: no section takes questions"),
        ("key: rest", "key: concern", "intake: stands twice: concern"),
        (", zh: 来访原因", "", "intake.sections.1.title.zh: Field required"),
        ("required: true", "needed: true", "intake.sections.2.needed: Extra inputs are not permitted"),
        ("intake:", "- intake:", "holds no templates by name|is no YAML"),
        ("{en: Intake note", "{en: 'Intake note", "is no YAML in line"),
    ],
)
def test_a_wrong_template_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    """Where in the file, and what is wrong there."""
    with pytest.raises(UnusableTemplates, match=said):
        read_templates(TEMPLATE.replace(old, new, 1))


# files


def test_file_names_say_nothing_and_come_back() -> None:
    """A day and six digits; the same for the same export, another for another one."""
    name = file_name(NOW.date(), "export:C1:V1", "note", FileType.DOCX)
    assert name.startswith("note-2026-03-02-")
    assert name == file_name(NOW.date(), "export:C1:V1", "note", FileType.DOCX)
    assert name != file_name(NOW.date(), "export:C1:V2", "note", FileType.DOCX)
    assert name != file_name(NOW.date(), "export:C1:V1", "other", FileType.DOCX)
