"""Putting adapters into service and taking them out again, on the real model server, under load, and dying at every step."""

import asyncio
import json
import shutil
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference import service
from inference.adapters import WEIGHTS_FILE, AttentionShape, read_base_shape
from inference.client import Delta, OpenAIChatModel
from inference.durable import put
from inference.errors import AdapterExists, BadAdapter, RetiredAdapter, UnknownAdapter
from inference.hotload import AdapterControl
from inference.likelihood import Likelihood
from inference.probe import FILE as PROBE
from inference.probe import FLOOR, ROUNDING, SAME_BASE, Probe, ask_probe, check_probe, difference, read_probe
from inference.prompt import Message
from inference.registry import Follower, Registry, ServerNote
from inference.service import Served, connected, promote, rollback
from tests.model_fixtures import ADAPTER
from tests.support.adapters import Tensors, an_adapter
from tests.support.model_server import BackgroundServer

MAX_RANK = 16
STREAMS = 24
SWITCHES = 6
STREAM_TOKENS = 24


class PowerCut(BaseException):
    """The process ends here: nothing after it is done, as after kill -9."""


@pytest.fixture
def shape(model_directory: Path) -> AttentionShape:
    """The sizes of the served base."""
    return read_base_shape(model_directory)


@pytest.fixture
def registry(tmp_path: Path, shape: AttentionShape, model_directory: Path) -> Registry:
    """A registry of three adapters that write differently."""
    registry = Registry(tmp_path / "home" / "adapters")
    registry.note_server(ServerNote(str(model_directory), MAX_RANK))
    for number in (1, 2, 3):
        registry.add(an_adapter(tmp_path / f"trained-{number}", shape, rank=8, scale=0.2, seed=number), f"night-{number}")
    return registry


@pytest.fixture
async def served(model_server: BackgroundServer, registry: Registry) -> AsyncIterator[Served]:
    """The shared server, without any adapter of this test's registry on it afterwards."""
    async with connected(model_server.url, None, registry) as served:
        yield served
        for name in await served.control.loaded():
            if name != ADAPTER:
                await served.control.unload(name)


def cut_before(step: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Cuts the power before the `step`th thing that leaves a trace, counted from 0; what was done is listed."""
    done: list[str] = []
    post, intent = AdapterControl._post, service._write_intent

    def note(what: str) -> None:
        if len(done) == step:
            raise PowerCut
        done.append(what)

    async def posting(self: AdapterControl, route: str, body: Mapping[str, Any]) -> httpx.Response:
        if "lora" in route:
            note(route)
        return await post(self, route, body)

    def putting(path: Path, text: str) -> None:
        note(path.name)
        put(path, text)

    def intending(root: Path, leaving: str | None) -> None:
        note("intent")
        intent(root, leaving)

    monkeypatch.setattr(AdapterControl, "_post", posting)
    monkeypatch.setattr("inference.registry.put", putting)
    monkeypatch.setattr(service, "_write_intent", intending)
    return done


async def loaded(served: Served) -> set[str]:
    """The test's adapters on the server."""
    return set(await served.control.loaded()) - {ADAPTER}


@pytest.mark.server
async def test_promotions_and_a_rollback(registry: Registry, served: Served) -> None:
    """The champion and the one before it are loaded, older ones are unloaded with their files kept, and a rollback loads nothing."""
    first = await promote(registry, served, "night-1")
    assert (first.loaded, first.unloaded) == (("night-1",), ())
    await promote(registry, served, "night-2")
    third = await promote(registry, served, "night-3")
    assert (third.pointer.champion, third.pointer.previous) == ("night-3", "night-2")
    assert third.unloaded == ("night-1",)
    assert await loaded(served) == {"night-2", "night-3"}
    registry.verify("night-1")
    back = await rollback(registry, served)
    assert (back.pointer.champion, back.loaded, back.unloaded) == ("night-2", (), ())
    again = await rollback(registry, served)
    assert again.pointer.champion == "night-3"


@pytest.mark.server
async def test_promoting_again_changes_nothing(registry: Registry, served: Served) -> None:
    """The same promotion twice gives the same pointer and loads nothing the second time."""
    first = await promote(registry, served, "night-1")
    again = await promote(registry, served, "night-1")
    assert (again.pointer, again.loaded, again.unloaded) == (first.pointer, (), ())


@pytest.mark.server
async def test_the_base_can_be_put_back(registry: Registry, served: Served) -> None:
    """The first promotion rolls back to the bare base, and the base can be promoted over a retired previous adapter."""
    with pytest.raises(UnknownAdapter, match="nothing was promoted"):
        await rollback(registry, served)
    await promote(registry, served, "night-1")
    assert (await rollback(registry, served)).pointer.champion is None
    await promote(registry, served, "night-2")
    await promote(registry, served, "night-3")
    registry.retire("night-2", "a case that it saw was deleted")
    with pytest.raises(RetiredAdapter, match=r"night-2 was retired on .*: a case"):
        await rollback(registry, served)
    with pytest.raises(RetiredAdapter):
        await promote(registry, served, "night-2")
    assert (await promote(registry, served, None)).pointer.champion is None
    assert await loaded(served) == {"night-3"}


@pytest.mark.server
async def test_a_promotion_may_die_anywhere(registry: Registry, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut before each step, the old or the new adapter is in service and loaded; run again, all is as without the cut."""
    await promote(registry, served, "night-1")
    await promote(registry, served, "night-2")
    for step in range(10):
        with monkeypatch.context() as patch:
            done = cut_before(step, patch)
            try:
                await promote(registry, served, "night-3")
            except PowerCut:
                pass
            else:
                assert done == ["load_lora_adapter", "champion.json", "unload_lora_adapter"]
                return
        champion = registry.pointer().champion
        assert champion in {"night-2", "night-3"}
        assert champion in await loaded(served)
        await promote(registry, served, "night-3")
        assert (registry.pointer().champion, registry.pointer().previous) == ("night-3", "night-2")
        assert await loaded(served) == {"night-2", "night-3"}
        for name in ("night-1", "night-2"):  # as before the cut
            await promote(registry, served, name)
    pytest.fail("it never came to its end")


@pytest.mark.server
async def test_a_rollback_may_die_anywhere(registry: Registry, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback that died is ended by the next one, not undone: whatever the step, the previous adapter is in service afterwards."""
    for step in range(10):
        await promote(registry, served, "night-1")
        await promote(registry, served, "night-2")
        await served.control.unload("night-1")  # as after a restart with another champion
        with monkeypatch.context() as patch:
            done = cut_before(step, patch)
            try:
                await rollback(registry, served)
            except PowerCut:
                pass
            else:
                assert done == ["load_lora_adapter", "intent", "champion.json"]
                return
        await rollback(registry, served)
        assert (registry.pointer().champion, registry.pointer().previous) == ("night-1", "night-2")
        await rollback(registry, served)
        assert registry.pointer().champion == "night-2"
    pytest.fail("it never came to its end")


@pytest.mark.server
async def test_changes_wait_for_each_other(registry: Registry, served: Served) -> None:
    """Of promotions at the same time each is whole: the pointer names two of them, and just those are loaded."""
    await asyncio.gather(*(promote(registry, served, f"night-{number}") for number in (1, 2, 3)))
    pointer = registry.pointer()
    assert None not in {pointer.champion, pointer.previous}
    assert await loaded(served) == {pointer.champion, pointer.previous}


def truncated(directory: Path) -> None:
    """Cuts the weights in the middle."""
    weights = directory / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:1000])


def not_finite(tensors: Tensors) -> None:
    """A number that is none, in the last tensor."""
    name, (dtype, shape, raw) = list(tensors.items())[-1]
    tensors[name] = (dtype, shape, raw[:-4] + struct.pack("<f", float("nan")))


def misshapen(tensors: Tensors) -> None:
    """A tensor of as many numbers in another shape."""
    name, (dtype, (rows, columns), raw) = next(iter(tensors.items()))
    tensors[name] = (dtype, (columns, rows), raw)


def with_a_router(tensors: Tensors) -> None:
    """A trained router under PEFT's name, which vLLM would ignore."""
    tensors["base_model.model.model.layers.0.mlp.gate.lora_A.weight"] = ("F32", (1, 4), b"\0" * 16)


BAD: dict[str, tuple[dict[str, Any], Callable[[Path], object], str]] = {
    "too high a rank": ({"rank": 32}, lambda _: None, "the rank is 32"),
    "an empty directory": ({}, lambda directory: [path.unlink() for path in directory.iterdir()], "is missing"),
    "a truncated file": ({}, truncated, "cut short"),
    "a wrong shape": ({"change": misshapen}, lambda _: None, "has the shape"),
    "numbers that are none": ({"change": not_finite}, lambda _: None, "not finite"),
    "a router": ({"change": with_a_router}, lambda _: None, "don't belong to attention"),
}


@pytest.mark.server
@pytest.mark.parametrize("fault", BAD)
async def test_a_bad_adapter_never_reaches_the_server(
    fault: str, registry: Registry, served: Served, shape: AttentionShape, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever vLLM would answer with a 200 and nonsense, or die of, is refused before it is asked to load anything."""
    changes, spoil, reason = BAD[fault]
    directory = an_adapter(tmp_path / "bad", shape, **changes)
    spoil(directory)
    registry.add(directory, "bad")
    asked = cut_before(0, monkeypatch)
    with pytest.raises(BadAdapter, match=reason):
        await promote(registry, served, "bad")
    assert asked == []
    assert registry.pointer().since is None


@pytest.mark.server
async def test_what_changed_on_disk_never_reaches_the_server(
    registry: Registry, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New contents under an old name, a directory that is gone, a name that is taken: each is refused before the server is asked."""
    cut_before(0, monkeypatch)
    with pytest.raises(AdapterExists):
        registry.add(tmp_path / "trained-1", "night-1")
    weights = registry.get("night-1").path / WEIGHTS_FILE
    weights.chmod(0o644)
    weights.write_bytes((tmp_path / "trained-2" / WEIGHTS_FILE).read_bytes())
    with pytest.raises(BadAdapter, match="changed since"):
        await promote(registry, served, "night-1")
    shutil.rmtree(registry.get("night-2").path)
    with pytest.raises(UnknownAdapter):
        await promote(registry, served, "night-2")


@pytest.mark.server
async def test_an_adapter_must_compute_what_it_did_when_measured(
    registry: Registry, served: Served, shape: AttentionShape, tmp_path: Path, model_server: BackgroundServer
) -> None:
    """With the numbers of its own measurement an adapter goes into service; with those of another it is refused and unloaded again."""
    await promote(registry, served, "night-1")
    async with Likelihood(model_server.url, None) as likelihood:
        own = await ask_probe(likelihood, "night-1", "base")
    assert difference(own.adapter, own.base) > SAME_BASE
    for name, probe in (("good", own), ("swapped", Probe(own.base, own.base)), ("moved", Probe(own.adapter, own.adapter))):
        directory = an_adapter(tmp_path / name, shape, rank=8, scale=0.2, seed=1)
        (directory / PROBE).write_text(probe.to_json())
        registry.add(directory, name)
    assert (await promote(registry, served, "good")).pointer.champion == "good"
    with pytest.raises(BadAdapter, match=r"swapped does not compute what it computed"):
        await promote(registry, served, "swapped")
    with pytest.raises(BadAdapter, match=r"another base model.*moved"):
        await promote(registry, served, "moved")
    assert await loaded(served) == {"good", "night-1"}
    assert registry.pointer().champion == "good"


def test_rounding_is_forgiven_and_nothing_else(tmp_path: Path) -> None:
    """An adapter may be off as far as the base shows that this server rounds otherwise, and by a hair where it doesn't."""
    expected = Probe((-1.0,) * 10, (-2.0,) * 10)

    def off(adapter: float, base: float) -> Probe:
        return Probe(tuple(value + adapter for value in expected.adapter), tuple(value - base for value in expected.base))

    for adapter, base in ((0.0, 0.0), (0.9 * FLOOR, 0.0), (0.02 * ROUNDING, 0.02), (0.0, 0.9 * SAME_BASE)):
        check_probe("night-1", expected, off(adapter, base))
    for adapter, base in (
        (2 * FLOOR, 0.0),
        (0.02 * (ROUNDING + 1), 0.02),
        (0.0, 1.1 * SAME_BASE),
        (float("nan"), 0.0),
        (0.0, float("nan")),
    ):
        with pytest.raises(BadAdapter):
            check_probe("night-1", expected, off(adapter, base))
    with pytest.raises(BadAdapter):
        check_probe("night-1", expected, Probe(expected.adapter[1:], expected.base))
    assert read_probe(tmp_path) is None
    (tmp_path / PROBE).write_text(expected.to_json())
    assert read_probe(tmp_path) == expected
    (tmp_path / PROBE).write_text(json.dumps({"adapter": 3}))
    with pytest.raises(BadAdapter, match="damaged"):
        read_probe(tmp_path)


@pytest.mark.server
async def test_the_base_is_the_base_while_adapters_write(registry: Registry, served: Served, model_server: BackgroundServer) -> None:
    """Computed together with answers of two adapters, which fill all places for adapters, the base's numbers are those of an idle server:
    else a promotion under load is refused, as on another base, and answers of the bare base are an adapter's."""
    client = OpenAIChatModel(model_server.url, None, timeout_s=300)
    message = Message(role="user", content="Description:\nSleeps badly.")

    async def write(name: str) -> None:
        while True:
            async for _ in client.stream([message], model=name, max_tokens=STREAM_TOKENS, schema=None):
                pass

    for name in ("night-1", "night-2"):
        await served.control.bring_in(name, registry.get(name).path)
    idle = await ask_probe(served.likelihood, "night-1", served.base)
    writing = [asyncio.create_task(write(name)) for name in ("night-1", "night-2") * 4]
    busy = [await ask_probe(served.likelihood, "night-1", served.base) for _ in range(3)]
    assert not any(task.done() for task in writing)
    for task in writing:
        task.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    await client.close()
    assert [probe.base for probe in busy] == [idle.base] * 3
    assert [probe.adapter for probe in busy] == [idle.adapter] * 3


@pytest.mark.server
async def test_streams_go_on_while_adapters_change(registry: Registry, served: Served, model_server: BackgroundServer) -> None:
    """24 streams at a time, each by the adapter in service when it began; 6 switches under them: none fails, all answers are right."""
    prompts = [[Message(role="user", content=f"Description:\n{said}")] for said in ("Sleeps badly.", "Quarrels at work.", "考试前心慌。")]
    client = OpenAIChatModel(model_server.url, None, timeout_s=300)
    follower = Follower(registry.root)
    answered: dict[tuple[str, int], list[str]] = {}

    async def ask(name: str, number: int) -> str:
        stream = client.stream(prompts[number], model=name, max_tokens=STREAM_TOKENS, schema=None)
        return "".join([event.text async for event in stream if isinstance(event, Delta)])

    expected = {}
    for name in ("night-1", "night-2", "night-3"):
        await promote(registry, served, name)
        expected |= {(name, number): await ask(name, number) for number in range(len(prompts))}
    assert len(set(expected.values())) == len(expected)
    switching = True

    async def counselor(number: int) -> None:
        while switching:
            name = follower.champion()
            assert name is not None
            answered.setdefault((name, number), []).append(await ask(name, number))

    counselors = [asyncio.create_task(counselor(number % len(prompts))) for number in range(STREAMS)]
    for switch in range(SWITCHES):
        begun = sum(map(len, answered.values()))
        await promote(registry, served, f"night-{switch % 3 + 1}")
        while sum(map(len, answered.values())) < begun + STREAMS:  # each switch is met by streams under way
            await asyncio.sleep(0.05)
    switching = False
    await asyncio.gather(*counselors)
    await client.close()
    assert {name for name, _ in answered} == {"night-1", "night-2", "night-3"}
    assert sum(map(len, answered.values())) > STREAMS * SWITCHES
    assert {key: set(texts) for key, texts in answered.items()} == {key: {expected[key]} for key in answered}
