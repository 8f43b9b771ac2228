"""Messages and views as text for a terminal. What isn't supported is shown as such, never dropped."""

import html
import re
from collections.abc import Callable
from typing import Any

from deploy.sandbox.model import Json

RULE = "─" * 40
_LINK = re.compile(r"<(https?://[^|>]+|mailto:[^|>]+)(?:\|([^>]*))?>")
_MESSAGE = re.compile(r"/archives/\w+/p\d+")
_SPECIAL = re.compile(r"<!(\w+)(?:\^[^|>]+)?(?:\|([^>]*))?>")
_USER = re.compile(r"<@([A-Z0-9]+)(?:\|([^>]*))?>")
_MARKS = {"bold": "*", "italic": "_", "strike": "~", "code": "`"}
_CHANNEL = re.compile(r"<#([A-Z0-9]+)(?:\|([^>]*))?>")

Names = Callable[[str], str]


def _same(name: str) -> str:
    return name


def plain_message(message: Json, names: Names = _same) -> str:
    """Return a message as text: its blocks, or its text when it has none, then its files; `names` turns ids into names."""
    blocks = message.get("blocks") or []
    lines = [plain_blocks(blocks, names)] if blocks else [plain_mrkdwn(str(message.get("text") or ""), names)]
    lines += [f"[file: {file.get('name', 'unnamed')}]" for file in message.get("files") or []]
    return "\n".join(line for line in lines if line)


def plain_view(view: Json, names: Names = _same) -> str:
    """Return a modal or home tab as text, with its title and buttons."""
    title, buttons = text_of(view.get("title")), [text_of(view.get(name)) for name in ("close", "submit")]
    lines = [f"━━ {title} ━━"] if title else []
    lines.append(plain_blocks(view.get("blocks") or [], names))
    shown = "  ".join(f"[{button}]" for button in buttons if button)
    return "\n".join([*lines, shown] if shown else lines)


def plain_blocks(blocks: list[Json], names: Names = _same) -> str:
    """Return blocks as text, one below the other."""
    return "\n".join(plain_block(block, names) for block in blocks)


def plain_block(block: Json, names: Names = _same) -> str:
    """Return one block as text."""
    show = _BLOCKS.get(str(block.get("type")))
    return show(block, names) if show else f"«unsupported block: {block.get('type')}»"


def plain_mrkdwn(text: str, names: Names = _same) -> str:
    """Return Slack's mrkdwn as text: entities and mentions resolved, marks such as *bold* kept."""
    text = _LINK.sub(_plain_link, text)
    text = _USER.sub(lambda match: f"@{match[2] or names(match[1])}", text)
    text = _CHANNEL.sub(lambda match: f"#{match[2] or names(match[1])}", text)
    return html.unescape(_SPECIAL.sub(lambda match: match[2] or f"@{match[1]}", text))


def _plain_link(match: re.Match[str]) -> str:
    """A link's words and where it leads; of one to a message here, the words alone, as they read in Slack."""
    url, label = match[1], match[2]
    return url if not label else label if _MESSAGE.search(url) else f"{label} ({url})"


def text_of(value: Any, names: Names = _same) -> str:
    """Return a text object as text."""
    if not isinstance(value, dict):
        return ""
    text = str(value.get("text") or "")
    return plain_mrkdwn(text, names) if value.get("type") == "mrkdwn" else html.unescape(text)


def plain_element(element: Json, names: Names = _same) -> str:
    """Return an interactive element or image as text."""
    kind = str(element.get("type"))
    if kind == "button":
        return f"[{text_of(element.get('text'))}]"
    if kind == "image":
        return f"[image: {element.get('alt_text', '')}]"
    if kind in {"mrkdwn", "plain_text"}:
        return text_of(element, names)
    if kind == "feedback_buttons":
        return "  ".join(f"[{text_of((element.get(name) or {}).get('text'))}]" for name in ("positive_button", "negative_button"))
    if kind == "icon_button":
        return f"[{text_of(element.get('text'))}]"
    if kind.endswith("_input"):
        return _field(element)
    options = element.get("options") or []
    if kind in {"checkboxes", "radio_buttons", "overflow"}:
        return "  ".join(_choice(kind, option, element) for option in options)
    if "select" in kind or "picker" in kind:
        return f"[{_chosen(element) or text_of(element.get('placeholder')) or 'choose'} ▾]"
    return f"«unsupported element: {kind}»"


def _field(element: Json) -> str:
    value = element.get("initial_value") or text_of(element.get("placeholder"))
    return f"[{value if value and isinstance(value, str) else '…'}]"


def _choice(kind: str, option: Json, element: Json) -> str:
    if kind == "overflow":
        return f"[⋯ {text_of(option.get('text'))}]"
    chosen = option in (element.get("initial_options") or [element.get("initial_option")])
    marks = ("☑", "☐") if kind == "checkboxes" else ("◉", "○")
    return f"{marks[0] if chosen else marks[1]} {text_of(option.get('text'))}"


def _chosen(element: Json) -> str:
    option = element.get("initial_option")
    if isinstance(option, dict):
        return text_of(option.get("text"))
    return ", ".join(text_of(each.get("text")) for each in element.get("initial_options") or [] if isinstance(each, dict))


def _section(block: Json, names: Names) -> str:
    parts = [text_of(block.get("text"), names), *(text_of(each, names) for each in block.get("fields") or [])]
    accessory = block.get("accessory")
    if isinstance(accessory, dict) and accessory.get("type") != "overflow":
        parts.append(plain_element(accessory, names))
    menu = "  [⋯]" if isinstance(accessory, dict) and accessory.get("type") == "overflow" else ""
    return "\n".join(part for part in parts if part) + menu


def _elements(block: Json, names: Names) -> str:
    return "  ".join(plain_element(element, names) for element in block.get("elements") or [])


def _context(block: Json, names: Names) -> str:
    return " · ".join(plain_element(element, names) for element in block.get("elements") or [])


def _input(block: Json, names: Names) -> str:
    optional = " (optional)" if block.get("optional") else ""
    hint = text_of(block.get("hint"))
    lines = [f"{text_of(block.get('label'))}{optional}:", plain_element(block.get("element") or {}, names), hint]
    return "\n".join(line for line in lines if line)


def _image(block: Json, _names: Names) -> str:
    return f"[image: {text_of(block.get('title')) or block.get('alt_text', '')}]"


def _table(block: Json, names: Names) -> str:
    return "\n".join(" | ".join(_cell(cell, names) for cell in row) for row in block.get("rows") or [])


def _cell(cell: Any, names: Names) -> str:
    if not isinstance(cell, dict):
        return ""
    return _rich(cell, names) if cell.get("type") == "rich_text" else str(cell.get("text", ""))


def _rich(block: Json, names: Names) -> str:
    return "\n".join(_rich_part(part, names) for part in block.get("elements") or [])


def _rich_part(part: Json, names: Names) -> str:
    kind, elements = str(part.get("type")), part.get("elements") or []
    if kind == "rich_text_list":
        ordered, indent = part.get("style") == "ordered", "  " * int(part.get("indent") or 0)
        marks = [f"{number}." if ordered else "•" for number in range(1, len(elements) + 1)]
        return "\n".join(f"{indent}{mark} {_rich_part(item, names)}" for mark, item in zip(marks, elements, strict=True))
    text = "".join(_rich_element(element, names) for element in elements)
    if kind == "rich_text_quote":
        return "\n".join(f"> {line}" for line in text.splitlines())
    return text if kind in {"rich_text_section", "rich_text_preformatted"} else f"«unsupported block: {kind}»"


def _rich_element(element: Json, names: Names) -> str:
    kind = element.get("type")
    if kind == "text":
        return _styled(str(element.get("text", "")), element.get("style") or {})
    if kind == "link":
        return str(element.get("text") or element.get("url", ""))
    if kind in {"user", "channel", "usergroup"}:
        mark = "#" if kind == "channel" else "@"
        return mark + names(str(element.get(f"{kind}_id")))
    if kind == "broadcast":
        return f"@{element.get('range')}"
    return f":{element.get('name')}:" if kind == "emoji" else f"«unsupported text: {kind}»"


def _styled(text: str, style: Json) -> str:
    """Marks around the words of a run, its spaces at either end left outside, as in Slack's own mrkdwn."""
    body = text.strip()
    if not body:
        return text
    marks = "".join(mark for name, mark in _MARKS.items() if style.get(name))
    start = text.index(body)
    return f"{text[:start]}{marks}{body}{marks[::-1]}{text[start + len(body) :]}"


_BLOCKS: dict[str, Callable[[Json, Names], str]] = {
    "header": lambda block, names: text_of(block.get("text"), names).upper(),
    "section": _section,
    "context": _context,
    "actions": _elements,
    "context_actions": _elements,
    "divider": lambda _block, _names: RULE,
    "input": _input,
    "image": _image,
    "markdown": lambda block, _names: str(block.get("text", "")),
    "rich_text": _rich,
    "table": _table,
}
