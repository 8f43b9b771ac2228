"""A team's own note formats: a YAML file, read and checked.

intake:
  title: {en: Intake note, zh: 初访记录}
  sections:
    - key: presenting
      title: {en: Presenting concern, zh: 来访原因}
      takes: [reported]
    - key: observed
      title: {en: Observed in session, zh: 会谈观察}
      takes: [own]
      required: true
    - key: understanding
      title: {en: Understanding, zh: 理解}
      takes: [analysis]
    - key: next
      title: {en: Next steps, zh: 下一步}
      takes: [advice, questions]

UnusableTemplates   the file is no such file; the message says where and why, one line for each fault
"""

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import ValidationError

from bot.domain.formats import BUILT_IN, ITEMIZED, Formats, NoteFormat


class UnusableTemplates(ValueError):
    """The text holds no usable templates; the message has one line for each fault."""


def read_templates(text: str) -> Formats:
    """The built-in formats and those of a YAML text, in their order.

    Raises:
        UnusableTemplates: something in it can't be used.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UnusableTemplates(f"is no YAML{f' in line {mark.line + 1}' if mark else ''}: {getattr(error, 'problem', '')}") from None
    if found is None:
        return BUILT_IN
    if not isinstance(found, dict):
        raise UnusableTemplates("holds no templates by name")
    faults: list[str] = []
    templates = {}
    for name, content in found.items():
        try:
            templates[str(name)] = _template(name, content)
        except ValidationError as error:
            faults += _lines(name, error)
        except ValueError as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise UnusableTemplates("\n".join(faults))
    return {**BUILT_IN, **templates}


def _template(name: Any, content: Any) -> NoteFormat:
    if name == ITEMIZED or name in BUILT_IN:
        raise ValueError("is the name of a built-in format; please choose another")
    if not isinstance(content, dict):
        raise ValueError("needs a title and sections")
    if "name" in content:
        raise ValueError("name: is not asked for; the name is the word before the colon")
    return NoteFormat.model_validate({"name": name, **content})


def _lines(name: Any, error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        place = ".".join([str(name), *(str(part + 1) if isinstance(part, int) else part for part in fault["loc"])])
        yield f"{place}: {fault['msg'].removeprefix('Value error, ')}"
