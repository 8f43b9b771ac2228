"""Final notes as Slack's Block Kit: their sections, what stands below an approved one, and the modals to correct and to add to one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.arrangement import Arranged, Part, arranged
from bot.domain.formats import NoteFormat, Section, Takes
from bot.domain.note import Item, Note, Origin
from bot.domain.reading import CARRIED_MARK, COUNSELOR_MARK
from bot.domain.signing import Role
from bot.slack.blocks import INPUT_CHARS, Block, button, context, escape, fit, moment, plain, section, text_input
from bot.slack.edit_texts import edit_texts
from bot.slack.evidence_views import Citations, evidence_marks
from bot.slack.final_texts import FinalTexts, final_texts
from bot.slack.texts import texts
from bot.workflow.incoming import EnteredLine
from bot.workflow.ports import NoteView
from inference.note import Language, clean_text

SECTION_CHARS = 2800
ADDENDUM_CHARS = 3000

SECTIONS_ACTION = "edit_sections"
ADDENDUM_ACTION = "add_addendum"
COSIGN_ACTION = "cosign_note"
EXPORT_ACTION = "export_note"
SECTIONS_VIEW = "corrected_sections"
ADDENDUM_VIEW = "addendum"

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]


# in the message


def final_title(view: NoteView, title: str) -> str:
    """The heading of a final note, with its format."""
    form = view.note.format
    return final_texts(view.language).titled.format(title=title, format=form.title.of(view.language)) if form else title


def final_sections(
    form: NoteFormat, items: Sequence[Item], language: Language, is_open: bool, cited: Citations | None = None
) -> list[Block]:
    """The note, section by section, with its evidence. An empty section says who fills it in; in an open note also whether that has to be
    before approval."""
    words, blocks = final_texts(language), []
    for each in arranged(form, items):
        heading = f"*{escape(each.section.title.of(language))}*"
        lines = [_to_fill_in(each.section, language, is_open)] if each.is_empty else _lines(each, language, words, cited)
        groups = fit(lines, SECTION_CHARS)
        blocks += [section("\n".join([heading, *group] if index == 0 else group)) for index, group in enumerate(groups)]
    return blocks


def _to_fill_in(empty: Section, language: Language, is_open: bool) -> str:
    words = final_texts(language)
    sentence = words.to_fill_in_first if empty.required and is_open else words.to_fill_in
    return f"_{sentence}_"


def _lines(each: Arranged, language: Language, words: FinalTexts, cited: Citations | None) -> list[str]:
    filled = [part for part in each.parts if part.items]
    lines: list[str] = []
    for part in filled:
        if len(each.parts) > 1:
            lines.append(f"_{_sort_of(part.takes, language, words)}_")
        numbered = part.takes.kind is not None
        lines += [f"{f'{number}.' if numbered else '•'} {_marked(item, cited)}" for number, item in enumerate(part.items, start=1)]
    return lines


def _sort_of(takes: Takes, language: Language, words: FinalTexts) -> str:
    if takes.kind:
        return texts(language).headings[takes.kind]
    return words.as_reported if takes is Takes.REPORTED else words.own_words


def _marked(item: Item, cited: Citations | None) -> str:
    """A line with its marks; what was entered in a section of its own is its author's word, and has none."""
    if item.section:
        return " ".join([escape(item.text), *carried_mark(item)])
    marks = [COUNSELOR_MARK] if item.origin is Origin.COUNSELOR else []
    return " ".join([escape(item.text), *marks, *carried_mark(item), *evidence_marks(item, cited)])


def carried_mark(item: Item) -> list[str]:
    """The mark of a line that was carried forward."""
    return [CARRIED_MARK] if item.carried else []


def carried_legend(view: NoteView) -> list[str]:
    """What that mark means, where it stands."""
    return [final_texts(view.language).carried] if any(item.carried for item in view.note.items) else []


def below_approved(view: NoteView) -> list[Block]:
    """What stands under an approved note: who approved what and as what, who signed along, and what was added since."""
    words, note = final_texts(view.language), view.note
    approval, revision = note.approval, note.current
    if approval is None or revision is None:
        return []
    who = _who(approval.user_id, approval.role, words)
    line = texts(view.language).approved.format(who=who, when=moment(approval.at), number=revision.number, hash=approval.content_hash[:12])
    written = [words.written_by.format(adapter=escape(approval.adapter))] if approval.adapter else []
    blocks = [context(" · ".join([line, *written, *_own_words(view), *carried_legend(view)]))]
    if note.cosignature:
        by = note.cosignature.by
        blocks.append(context(words.cosigned.format(who=_who(by.user_id, by.role, words), when=moment(note.cosignature.at))))
    for added in note.addenda:
        who = _who(added.by.user_id, added.by.role, words)
        heading = words.addendum.format(number=added.number, who=who, when=moment(added.at), hash=added.content_hash[:12])
        groups = fit([heading, *escape(added.text).splitlines()], SECTION_CHARS)
        blocks += [section("\n".join(group)) for group in groups]
    return blocks


def _own_words(view: NoteView) -> list[str]:
    own = any(item.origin is Origin.COUNSELOR and not item.section for item in view.note.items)
    return [texts(view.language).your_words] if own else []


def _who(user_id: str, role: Role | None, words: FinalTexts) -> str:
    who = f"<@{user_id}>"
    return words.person.format(who=who, role=words.roles[role]) if role else who


def approved_buttons(view: NoteView) -> Block:
    """What can still be done with an approved note."""
    words, note = final_texts(view.language), view.note
    buttons = [button(ADDENDUM_ACTION, words.add_addendum, note.id), button(EXPORT_ACTION, words.export, note.id)]
    if view.cosigning and note.approval and not note.cosignature:
        sure = {
            "title": plain(words.cosign_sure),
            "text": plain(words.cosign_question),
            "confirm": plain(words.cosign),
            "deny": plain(texts(view.language).cancel),
        }
        buttons.append(button(COSIGN_ACTION, words.cosign, json.dumps([note.id, note.approval.content_hash])) | {"confirm": sure})
    return {"type": "actions", "elements": buttons}


# modals


def sections_modal(form: NoteFormat, note: Note, language: Language, channel_id: str) -> dict[str, Any]:
    """The modal to correct a note in sections: a field a section, or one for each sort of lines in it; one line is one entry."""
    words, common = final_texts(language), texts(language)
    blocks: list[Block] = [context(words.sections_help)]
    for each in arranged(form, note.items):
        for part in each.parts:
            blocks += _fields(each, part, language, words)
    revision, content = (note.current.id, note.current.content_hash) if note.current else ("", "")
    about = {"note": note.id, "channel": channel_id, "revision": revision, "content": content, "language": language}
    return {
        "type": "modal",
        "callback_id": SECTIONS_VIEW,
        "title": plain(edit_texts(language).title),
        "submit": plain(common.save),
        "close": plain(common.cancel),
        "private_metadata": json.dumps(about),
        "blocks": blocks,
    }


def _fields(each: Arranged, part: Part, language: Language, words: FinalTexts) -> list[Block]:
    title = each.section.title.of(language)
    label = f"{title} · {_sort_of(part.takes, language, words)}" if len(each.parts) > 1 else title
    groups = fit([item.text for item in part.items] or [""], INPUT_CHARS)
    fields = [text_input(f"{each.section.key}:{part.takes}:{index}", label, "\n".join(lines)) for index, lines in enumerate(groups)]
    if part.takes is Takes.OWN and not part.items:
        fields[0] |= {"hint": plain(words.not_filled)}
    return fields


def read_sections(values: Values) -> tuple[EnteredLine, ...]:
    """The lines that a submitted modal holds, `values` being Slack's `view.state.values`."""
    found = []
    for block_id, actions in values.items():
        key, takes, _ = block_id.split(":")
        text = next(iter(actions.values()), {}).get("value") or ""
        found += [EnteredLine(section=key, takes=Takes(takes), text=line) for raw in text.splitlines() if (line := clean_text(raw))]
    return tuple(found)


def addendum_modal(note: Note, language: Language, channel_id: str) -> dict[str, Any]:
    """The modal to add to an approved note."""
    words, common = final_texts(language), texts(language)
    element = {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": ADDENDUM_CHARS}
    return {
        "type": "modal",
        "callback_id": ADDENDUM_VIEW,
        "title": plain(words.addendum_title),
        "submit": plain(common.save),
        "close": plain(common.cancel),
        "private_metadata": json.dumps({"note": note.id, "channel": channel_id, "language": language}),
        "blocks": [
            context(words.addendum_means),
            {"type": "input", "block_id": "addendum", "label": plain(words.addendum_label), "element": element},
        ],
    }
