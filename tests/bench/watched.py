"""The real parts of a change of adapters, each telling when it was at work."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from inference.hotload import AdapterControl
from inference.likelihood import Likelihood
from inference.registry import Pointer, Registry

STAGES = {"load_lora_adapter": "load", "chat/completions": "one answer", "unload_lora_adapter": "unload"}
"""Routes of the server, and what a change does there."""
PROBE, SWITCH, REST = "probe", "pointer", "files and the rest"
ORDER = ("load", "one answer", PROBE, SWITCH, "unload", REST)


@dataclass
class Watch:
    """When each stage of the change under way began and ended, by the performance counter, and who is to be told of the switch."""

    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    on_switch: Callable[[float], object] = lambda _: None

    def begin(self, on_switch: Callable[[float], object]) -> None:
        """Another change."""
        self.spans, self.on_switch = {}, on_switch

    def note(self, stage: str, began: float) -> None:
        """A stage was at work from `began` until now; one that comes in several pieces lasts from its first to its last."""
        first, _ = self.spans.get(stage, (began, began))
        self.spans[stage] = (first, time.perf_counter())

    def seconds(self, whole: float) -> dict[str, float]:
        """How long each stage took, and what remains of the whole."""
        taken = {stage: end - began for stage, (began, end) in self.spans.items()}
        return {**taken, REST: whole - sum(taken.values())}


class WatchedRegistry(Registry):
    """The registry; the switch counts from before the pointer moves."""

    def __init__(self, root: Path, watch: Watch) -> None:
        super().__init__(root)
        self._watch = watch

    def promote(self, name: str | None) -> Pointer:
        began = time.perf_counter()
        return self._moved(began, super().promote(name))

    def rollback(self) -> Pointer:
        began = time.perf_counter()
        return self._moved(began, super().rollback())

    def _moved(self, began: float, pointer: Pointer) -> Pointer:
        self._watch.note(SWITCH, began)
        self._watch.on_switch(began)
        return pointer


class WatchedControl(AdapterControl):
    """Loading, trying and unloading."""

    def __init__(self, url: str, watch: Watch) -> None:
        super().__init__(url, None)
        self._watch = watch

    async def _post(self, route: str, body: Mapping[str, Any]) -> httpx.Response:
        began = time.perf_counter()
        try:
            return await super()._post(route, body)
        finally:
            self._watch.note(STAGES[route], began)


class WatchedLikelihood(Likelihood):
    """The probe."""

    def __init__(self, url: str, watch: Watch) -> None:
        super().__init__(url, None)
        self._watch = watch

    async def _post(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        began = time.perf_counter()
        try:
            return await super()._post(url, body)
        finally:
            self._watch.note(PROBE, began)
