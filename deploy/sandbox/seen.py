"""What the sandbox's client shows to tests and the demo: messages, results of actions, views."""

from dataclasses import dataclass, field
from typing import Self

from deploy.sandbox.model import Json
from deploy.sandbox.render import plain_message
from deploy.sandbox.validate.check import elements_of


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as somebody sees it; `raw` is all of it."""

    ts: str
    user: str
    text: str
    thread_ts: str | None
    edited: bool
    blocks: list[Json]
    raw: Json

    @classmethod
    def of(cls, raw: Json) -> Self:
        """Return the message of this JSON."""
        blocks = list(raw.get("blocks") or [])
        return cls(raw["ts"], raw.get("user", ""), raw.get("text", ""), raw.get("thread_ts"), "edited" in raw, blocks, raw)

    @property
    def plain(self) -> str:
        """The message as a terminal shows it: its blocks, or its text when it has none."""
        return plain_message(self.raw)

    @property
    def everything(self) -> str:
        """Text and rendered blocks, for searching."""
        return f"{self.text}\n{self.plain}"

    @property
    def files(self) -> list[Json]:
        """The files of the message."""
        return list(self.raw.get("files") or [])

    @property
    def elements(self) -> list[Json]:
        """All interactive elements: buttons, selects …"""
        return [element for block in self.blocks for element in elements_of(block) if "action_id" in element]

    @property
    def action_ids(self) -> list[str]:
        """The action ids of all interactive elements, in order."""
        return [str(element["action_id"]) for element in self.elements]


@dataclass(frozen=True, slots=True)
class Result:
    """What a person sees at once: `failure` when the app didn't ack, `errors` in a modal, `shown` the ack's answer."""

    ok: bool
    failure: str | None = None
    shown: Posted | None = None
    errors: dict[str, str] = field(default_factory=dict)
    action: str | None = None
    view_id: str | None = None
    details: tuple[str, ...] = ()

    @classmethod
    def of(cls, raw: Json) -> Self:
        """Return the result of this JSON."""
        shown = Posted.of(raw["shown"]) if raw.get("shown") else None
        errors, details = raw.get("errors") or {}, tuple(raw.get("details") or ())
        return cls(raw["ok"], raw.get("failure"), shown, errors, raw.get("action"), raw.get("view_id"), details)


@dataclass(frozen=True, slots=True)
class Views:
    """A user's open modals, bottom first, and the home tab; `seq` is the number of the last change then."""

    seq: int
    modals: list[Json]
    home: Json | None

    @classmethod
    def of(cls, raw: Json) -> Self:
        """Return the views of this JSON."""
        return cls(int(raw["seq"]), list(raw["modals"]), raw["home"])

    @property
    def top(self) -> Json | None:
        """The modal on top, if one is open."""
        return self.modals[-1] if self.modals else None
