"""The formats of a final note: itemized, the four that the field knows by their letters, and a team's own templates.

The model writes an itemized note and nothing else. A format only arranges: each of its sections takes items of some kinds, or words that
no model writes. Those are what the session's descriptions reported, line by line, and what only a counselor can know. A section without
a line is shown as a prompt to fill it in; nothing is ever made up for it.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inference.note import Kind, Language

ITEMIZED = "itemized"
"""The format without sections: analysis, advice, questions to ask."""
MOST_SECTIONS = 20


class Takes(StrEnum):
    """What stands in a section."""

    REPORTED = "reported"
    """What the session's descriptions said, in their own words; counselors may change it."""
    OWN = "own"
    """What a counselor enters; empty until then."""
    ANALYSIS = "analysis"
    ADVICE = "advice"
    QUESTIONS = "questions"

    @property
    def kind(self) -> Kind | None:
        """The kind of items that this is; None for a counselor's own lines."""
        return _KINDS.get(self)


_KINDS = {Takes.ANALYSIS: Kind.ANALYSIS, Takes.ADVICE: Kind.ADVICE, Takes.QUESTIONS: Kind.QUESTION}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Title(_Part):
    """A heading in each language."""

    en: str = Field(min_length=1, max_length=75)
    zh: str = Field(min_length=1, max_length=75)

    def of(self, language: Language) -> str:
        """The heading in a language."""
        return self.zh if language is Language.CHINESE else self.en


class Section(_Part):
    """One titled section. `key` names it for good: lines that were entered in it are kept under this name."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")
    title: Title
    takes: tuple[Takes, ...] = Field(min_length=1)
    required: bool = False
    """Whether it needs a line before the note can be approved."""
    carried: bool = False
    """Whether a counselor's own lines go on into the next final note of the same format."""

    @property
    def own(self) -> Takes | None:
        """What is entered here by hand, if anything."""
        return next((each for each in self.takes if each.kind is None), None)

    @model_validator(mode="after")
    def _one_field_of_own_words(self) -> "Section":
        if sum(each.kind is None for each in self.takes) > 1:
            raise ValueError(f"section {self.key} takes either reported or own, not both")
        if self.carried and self.own is not Takes.OWN:
            raise ValueError(f"section {self.key} is carried, so it has to take own")
        return self


class NoteFormat(_Part):
    """Titled sections which together take every kind of items once, so that nothing the model or a counselor wrote is left out."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,29}$")
    title: Title
    sections: tuple[Section, ...] = Field(min_length=1, max_length=MOST_SECTIONS)

    @model_validator(mode="after")
    def _nothing_twice_or_never(self) -> "NoteFormat":
        keys, takes = [section.key for section in self.sections], [each for section in self.sections for each in section.takes]
        twice = sorted(
            {key for key in keys if keys.count(key) > 1} | {each for each in takes if each is not Takes.OWN and takes.count(each) > 1}
        )
        if twice:
            raise ValueError(f"stands twice: {', '.join(twice)}")
        missing = [each for each in _KINDS if each not in takes]
        if missing:
            raise ValueError(f"no section takes {', '.join(missing)}")
        return self

    def unfilled(self, kinds: Collection[Kind], keys: Collection[str]) -> tuple[Section, ...]:
        """The required sections without a line, where the note has items of these `kinds` and own lines in the sections with these `keys`.

        A section that takes a counselor's own words needs some, whatever else stands in it.
        """
        return tuple(
            section
            for section in self.sections
            if section.required
            and section.key not in keys
            and (section.own is Takes.OWN or not any(each.kind in kinds for each in section.takes if each.kind))
        )

    @property
    def reported(self) -> str | None:
        """The key of the section that takes what was reported."""
        return next((section.key for section in self.sections if Takes.REPORTED in section.takes), None)


Formats = Mapping[str, NoteFormat]
"""The formats that can be asked for beside `ITEMIZED`, by name."""


def _section(key: str, english: str, chinese: str, *takes: Takes, carried: bool = False) -> Section:
    return Section(key=key, title=Title(en=english, zh=chinese), takes=takes, required=True, carried=carried)


def _format(name: str, sections: Sequence[Section]) -> NoteFormat:
    return NoteFormat(name=name, title=Title(en=f"{name.upper()} note", zh=f"{name.upper()} 记录"), sections=tuple(sections))


_PLAN = _section("plan", "Plan", "计划", Takes.ADVICE, Takes.QUESTIONS)
_INTERVENTION = _section("intervention", "Intervention", "干预", Takes.OWN)

BUILT_IN: Formats = {
    each.name: each
    for each in (
        _format(
            "soap",
            [
                _section("subjective", "Subjective", "主观资料", Takes.REPORTED),
                _section("objective", "Objective", "客观资料", Takes.OWN),
                _section("assessment", "Assessment", "评估", Takes.ANALYSIS),
                _PLAN,
            ],
        ),
        _format(
            "dap",
            [
                _section("data", "Data", "资料", Takes.REPORTED),
                _section("assessment", "Assessment", "评估", Takes.ANALYSIS),
                _PLAN,
            ],
        ),
        _format(
            "birp",
            [
                _section("behavior", "Behavior", "行为表现", Takes.REPORTED, Takes.ANALYSIS),
                _INTERVENTION,
                _section("response", "Response", "反应", Takes.OWN),
                _PLAN,
            ],
        ),
        _format(
            "girp",
            [
                _section("goals", "Goals", "目标", Takes.OWN, carried=True),
                _INTERVENTION,
                _section("response", "Response", "反应", Takes.OWN, Takes.ANALYSIS),
                _PLAN,
            ],
        ),
    )
}


def note_formats(formats: Formats = BUILT_IN) -> tuple[str, ...]:
    """The names that `/phyassist summarize` takes, the default first."""
    return (ITEMIZED, *formats)
