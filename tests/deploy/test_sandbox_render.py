"""Messages and views as terminal text."""

from deploy.sandbox.composer import composed, rich_text
from deploy.sandbox.render import RULE, plain_block, plain_message, plain_mrkdwn, plain_view
from deploy.sandbox.seed import ANNA, BOT
from tests.deploy.sandbox_app import Json, a_modal, button, section


def test_a_menu_beside_a_section_is_three_dots() -> None:
    """At the end of its text, as people see it."""
    options = [{"text": {"type": "plain_text", "text": "Drop"}, "value": "drop"}]
    block = {**section("1. Sleep is short."), "accessory": {"type": "overflow", "action_id": "more", "options": options}}
    assert plain_block(block) == "1. Sleep is short.  [⋯]"


def test_a_note_is_readable_in_a_terminal() -> None:
    """Header, sections, fields, context, buttons and dividers each have their form."""
    blocks: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": "Note"}},
        {**section("*Analysis* &amp; <https://example.org|more>"), "fields": [{"type": "mrkdwn", "text": "by <@U0ANNA>"}]},
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "revision 2"}, {"type": "plain_text", "text": "draft"}]},
        {"type": "actions", "elements": [button("edit", "Edit"), button("approve", "Approve")]},
        {"type": "markdown", "text": "- one"},
    ]
    shown = plain_message({"text": "fallback", "blocks": blocks}, {"U0ANNA": "anna"}.__getitem__)
    assert shown.splitlines() == [
        "NOTE", "*Analysis* & more (https://example.org)", "by @anna", RULE, "revision 2 · draft", "[Edit]  [Approve]", "- one",
    ]  # fmt: skip


def test_what_isnt_supported_is_shown_as_such() -> None:
    """An unknown block, element or rich text part is named, never dropped."""
    blocks = [
        {"type": "carousel", "elements": []},
        {"type": "actions", "elements": [{"type": "lever"}]},
        {"type": "rich_text", "elements": [{"type": "rich_text_song", "elements": []}]},
    ]
    shown = plain_message({"blocks": blocks}).splitlines()
    assert shown == ["«unsupported block: carousel»", "«unsupported element: lever»", "«unsupported block: rich_text_song»"]


def test_rich_text_files_and_modals_are_shown() -> None:
    """Lists, quotes and mentions of rich text; a file's name; a modal's title, inputs and buttons."""
    items = [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]} for text in ("one", "two")]
    rich = {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_list", "style": "ordered", "elements": items},
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "said"}, {"type": "user", "user_id": "U1"}]},
        ],
    }
    assert plain_message({"blocks": [rich], "files": [{"name": "note.md"}]}).splitlines() == [
        "1. one",
        "2. two",
        "> said@U1",
        "[file: note.md]",
    ]
    assert plain_view(a_modal()).splitlines() == ["━━ Edit ━━", "Answer:", "[…]", "[Save]"]


def test_styled_words_carry_slacks_marks() -> None:
    """Bold, struck and both; spaces at the ends stay outside, and spaces alone have no mark."""
    runs = [
        ("kept ", None),
        ("old ", {"strike": True}),
        ("new", {"bold": True}),
        (" ", {"bold": True}),
        ("both", {"bold": True, "strike": True}),
    ]
    elements = [{"type": "text", "text": text} | ({"style": style} if style else {}) for text, style in runs]
    block = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}
    assert plain_message({"blocks": [block]}) == "kept ~old~ *new* *~both~*"


def test_typed_text_is_escaped_as_slacks_composer_does() -> None:
    """Markup that somebody types is text, a mention by name or in Slack's form becomes one, unknown names stay."""
    users = {user.id: user for user in (ANNA, BOT)}
    assert composed("<!channel> @anna & @nobody <@U0PHYASSIST> <@U9>", users) == (
        "&lt;!channel&gt; <@U0ANNA> &amp; @nobody <@U0PHYASSIST> &lt;@U9&gt;"
    )


def test_addresses_are_linked_and_read_back_as_typed() -> None:
    """Web and mail addresses get Slack's marks in the text and link elements in the block; a terminal shows them plainly."""
    typed = "see https://example.org/?a=1&b=2 or mail anna@example.org"
    text = composed(typed, {ANNA.id: ANNA})
    assert text == "see <https://example.org/?a=1&amp;b=2> or mail <mailto:anna@example.org|anna@example.org>"
    elements = rich_text(text)[0]["elements"][0]["elements"]
    assert elements[1] == {"type": "link", "url": "https://example.org/?a=1&b=2"}
    assert plain_message({"blocks": rich_text(text)}) == typed


def test_a_link_to_a_message_reads_as_its_words() -> None:
    """The numbers after a note's lines stay short in a terminal; other links say where they lead."""
    message = "http://127.0.0.1:8765/archives/C0CASE001/p1700000009000100?thread_ts=1700000000.000100&amp;cid=C0CASE001"
    assert plain_mrkdwn(f"Sleep is short. <{message}|[1]>") == "Sleep is short. [1]"
    assert plain_mrkdwn("<https://example.org/a|here>") == "here (https://example.org/a)"
