"""Adapters that learned from cases which may not be used any more: told once, retired where the case is deleted."""

import json
from pathlib import Path

import pytest

from bot.store.database import Database
from bot.workflow.adapters import DELETED, tell_lessons
from inference.manifests import MANIFEST
from inference.registry import Registry
from tests.bot.test_case_changes import PAPER, a_form
from tests.bot.test_conversation import FIRST, a_desk
from tests.bot.test_nights import Heard
from tests.support.adapters import an_adapter
from tests.support.builders import a_post


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry."""
    return Registry(tmp_path / "home" / "adapters")


def learned(registry: Registry, folder: Path, name: str, *cases: str, begins_with: str | None = None) -> None:
    """Registers an adapter that learned from these cases."""
    made = an_adapter(folder / name, seed=len(name))
    (made / MANIFEST).write_text(json.dumps({"cases": cases, "begins_with": begins_with}))
    registry.add(made, name)


async def told(database: Database, registry: Registry) -> list[tuple[str, int, tuple[str, ...], bool]]:
    """What the admins are told now: adapter, deleted cases, codes of withdrawn ones, whether it is in service."""
    heard = Heard()
    await tell_lessons(database, registry, heard)
    return [(one.adapter, len(one.deleted), one.withdrawn, one.in_service) for one in heard.lessons_told]


async def test_withdrawn_is_listed_deleted_is_retired_and_both_are_told_once(store_url: str, registry: Registry, tmp_path: Path) -> None:
    """With what goes on from them; consent that holds concerns nobody."""
    async with a_desk(store_url, FIRST) as desk:
        database = desk.database
        await desk.do(a_post())
        async with database.begin() as uow:
            (case,) = await uow.cases()
        learned(registry, tmp_path, "night-1", case.id)
        learned(registry, tmp_path, "night-2", "base-1", begins_with="night-1")
        learned(registry, tmp_path, "night-3", "canary-1")
        registry.promote("night-2")
        await desk.do(await a_form(desk, PAPER, source="V1"))
        assert await told(database, registry) == []
        await desk.do(await a_form(desk, None, source="V2"))
        assert await told(database, registry) == [("night-1", 0, (case.code,), False), ("night-2", 0, (case.code,), True)]
        assert await told(database, registry) == []
        assert registry.retirement("night-2") is None


async def test_a_deleted_case_retires_the_adapters_that_saw_it(store_url: str, registry: Registry, tmp_path: Path) -> None:
    """A damaged manifest hides none of the others."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post())
        async with desk.database.begin() as uow:
            (case,) = await uow.cases()
        learned(registry, tmp_path, "night-0")
        damaged = registry.get("night-0").path / MANIFEST
        damaged.chmod(0o600)
        damaged.write_text("{")
        learned(registry, tmp_path, "night-1", case.id)
        learned(registry, tmp_path, "night-2", "base-1")
        await desk.database.delete_case(case.id)
        assert await told(desk.database, registry) == [("night-1", 1, (), False)]
        retirement = registry.retirement("night-1")
        assert retirement
        assert retirement.reason == DELETED
        assert registry.retirement("night-2") is None
        assert await told(desk.database, registry) == []
