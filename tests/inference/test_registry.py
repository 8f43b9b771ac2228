"""Adapter versions on disk, and the pointer to the one in service."""

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest

from inference.errors import AdapterExists, BadAdapter, RetiredAdapter, UnknownAdapter
from inference.manifests import MANIFEST
from inference.registry import Follower, Registry, Role, ServerNote
from tests.support.adapters import an_adapter


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An adapter as training leaves it."""
    return an_adapter(tmp_path / "trained")


@pytest.fixture
def registry(tmp_path: Path, source: Path) -> Registry:
    """A registry with two adapters, none of them in service."""
    registry = Registry(tmp_path / "home" / "adapters")
    registry.add(source, "night-1")
    registry.add(source, "night-2")
    return registry


def test_an_added_adapter_is_a_copy(registry: Registry, source: Path) -> None:
    """What training does to its directory afterwards doesn't touch the registered copy."""
    before = registry.get("night-1")
    (source / "adapter_model.safetensors").write_bytes(b"")
    registry.verify("night-1")
    assert before.path.is_absolute()
    assert (before.path / "adapter_model.safetensors").stat().st_size > 0


def test_adapters_are_listed_oldest_first(registry: Registry) -> None:
    """The list is in the order of registration and leaves out what is half copied."""
    (registry.get("night-1").path.parent / ".incoming-x").mkdir()
    assert [adapter.name for adapter in registry.list()] == ["night-1", "night-2"]


def test_a_name_is_used_once(registry: Registry, source: Path) -> None:
    """A second adapter under the same name is refused, and the first stays as it was."""
    with pytest.raises(AdapterExists, match="night-1"):
        registry.add(source, "night-1")
    registry.verify("night-1")


@pytest.mark.parametrize("name", ["", "base", "../x", "a/b", "Upper", ".hidden", "x" * 65, "a b"])
def test_a_name_that_could_do_harm_is_refused(registry: Registry, source: Path, name: str) -> None:
    """Names that are paths, hidden, or mean something else to the server are refused."""
    with pytest.raises(BadAdapter, match="not a name"):
        registry.add(source, name)


def test_a_changed_file_is_noticed(registry: Registry) -> None:
    """Registered files are read-only, and a change is noticed all the same."""
    weights = registry.get("night-1").path / "adapter_model.safetensors"
    assert weights.stat().st_mode & 0o222 == 0
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(BadAdapter, match="changed"):
        registry.verify("night-1")


def test_nothing_is_in_service_at_first(registry: Registry) -> None:
    """Before the first promotion the bare base model serves, and there is nothing to roll back."""
    assert registry.champion() is None
    assert registry.in_service() == ()
    with pytest.raises(UnknownAdapter, match="nothing was promoted"):
        registry.rollback()


def test_promotion_and_rollback(registry: Registry) -> None:
    """A rollback brings the previous adapter back, and a second rollback undoes the first."""
    registry.promote("night-1")
    registry.promote("night-2")
    assert [adapter.name for adapter in registry.in_service()] == ["night-2", "night-1"]
    assert registry.rollback().champion == "night-1"
    assert registry.rollback().champion == "night-2"


def test_the_first_promotion_rolls_back_to_the_base_model(registry: Registry) -> None:
    """After one promotion only, a rollback returns to the bare base model."""
    registry.promote("night-1")
    assert registry.rollback().champion is None
    assert registry.champion() is None


def test_promoting_twice_keeps_the_way_back(registry: Registry) -> None:
    """Promoting the champion again doesn't make it its own predecessor."""
    registry.promote("night-1")
    registry.promote("night-2")
    registry.promote("night-2")
    assert registry.pointer().previous == "night-1"


def test_an_unknown_adapter_is_not_promoted(registry: Registry) -> None:
    """An unknown name is refused and the pointer stays."""
    registry.promote("night-1")
    with pytest.raises(UnknownAdapter, match="night-9"):
        registry.promote("night-9")
    assert registry.pointer().champion == "night-1"


def _promote_often(root: Path, name: str) -> None:
    registry = Registry(root)
    for _ in range(50):
        registry.promote(name)
        assert registry.pointer().champion in {"night-1", "night-2"}


def test_two_processes_may_promote_at_once(registry: Registry) -> None:
    """Readers never see half a pointer, and champion and previous are always two different adapters."""
    root = registry.get("night-1").path.parent
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_promote_often, args=(root, name)) for name in ("night-1", "night-2")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    pointer = registry.pointer()
    assert {pointer.champion, pointer.previous} == {"night-1", "night-2"}


def with_manifest(source: Path, target: Path, **manifest: object) -> Path:
    """A copy of a trained adapter with a manifest beside it."""
    shutil.copytree(source, target)
    (target / MANIFEST).write_text(json.dumps(manifest))
    return target


def test_an_adapter_saw_the_cases_of_those_it_began_with(registry: Registry, source: Path, tmp_path: Path) -> None:
    """What an adapter learned from includes what the adapter learned from that its training went on from."""
    registry.add(with_manifest(source, tmp_path / "3", cases=["a", "b"], begins_with=None), "night-3")
    registry.add(with_manifest(source, tmp_path / "4", cases=["c"], begins_with="night-3"), "night-4")
    registry.add(with_manifest(source, tmp_path / "5", cases=["d"], begins_with=None), "night-5")
    assert registry.cases("night-4") == {"a", "b", "c"}
    assert [adapter.name for adapter in registry.saw("a")] == ["night-3", "night-4"]
    assert [adapter.name for adapter in registry.saw("c")] == ["night-4"]
    assert registry.cases("night-1") == frozenset()
    registry.add(with_manifest(source, tmp_path / "6", cases=["e"], begins_with="night-9"), "night-6")
    with pytest.raises(UnknownAdapter, match="night-9"):
        registry.cases("night-6")


def test_a_retired_adapter_is_not_put_into_service(registry: Registry) -> None:
    """It is refused with its reason, for promotion and for rollback; its files stay as they were, and the first reason holds."""
    registry.promote("night-1")
    registry.promote("night-2")
    registry.retire("night-1", "a case was deleted")
    registry.retire("night-1", "another reason")
    for act in (lambda: registry.promote("night-1"), registry.rollback):
        with pytest.raises(RetiredAdapter, match=r"night-1 was retired on 20..-..-..: a case was deleted"):
            act()
    assert registry.pointer().champion == "night-2"
    registry.verify("night-1")
    with pytest.raises(UnknownAdapter):
        registry.retire("night-9", "no such adapter")


def test_a_retired_champion_serves_until_it_is_replaced(registry: Registry) -> None:
    """Retiring the champion changes nothing at once; it can be promoted again while it is champion, and not afterwards."""
    registry.promote("night-1")
    registry.retire("night-1", "a case was deleted")
    assert [adapter.name for adapter in registry.in_service()] == ["night-1"]
    assert registry.promote("night-1").champion == "night-1"
    registry.promote("night-2")
    with pytest.raises(RetiredAdapter):
        registry.promote("night-1")


def test_the_list_says_what_each_adapter_is(registry: Registry, source: Path) -> None:
    """Champion, previous and kept ones are told apart, and retired ones have their reason."""
    registry.add(source, "night-3")
    registry.promote("night-1")
    registry.promote("night-3")
    registry.retire("night-3", "a case was deleted")
    rows = {row.adapter.name: row for row in registry.listing()}
    assert {name: row.role for name, row in rows.items()} == {"night-1": Role.PREVIOUS, "night-2": Role.KEPT, "night-3": Role.CHAMPION}
    assert [name for name, row in rows.items() if row.retirement] == ["night-3"]
    assert rows["night-3"].retirement is not None
    assert rows["night-3"].retirement.reason == "a case was deleted"


def test_the_base_can_be_promoted(registry: Registry) -> None:
    """Promoting nothing puts the bare base model into service, with the way back."""
    registry.promote("night-1")
    assert registry.promote(None).champion is None
    assert registry.pointer().previous == "night-1"


def test_a_follower_sees_every_change(registry: Registry, tmp_path: Path) -> None:
    """Whoever asks gets the adapter in service at that moment, and reads the file only after it changed."""
    follower = Follower(tmp_path / "home" / "adapters")
    assert follower.champion() is None
    for name in ("night-1", "night-2", "night-1"):
        registry.promote(name)
        assert [follower.champion(), follower.champion()] == [name, name]
    registry.rollback()
    assert follower.champion() == "night-2"
    assert Follower(tmp_path / "nowhere").champion() is None


def test_the_registry_remembers_the_server(registry: Registry) -> None:
    """What the last server could take is known, also when nobody has noted it yet."""
    assert registry.server() is None
    registry.note_server(ServerNote("mixtral", 16))
    registry.note_server(ServerNote("mixtral", 64))
    assert registry.server() == ServerNote("mixtral", 64)
