"""`phyassist doctor` and the nightly training: each thing that a night needs is tried, and what is wrong says how to mend it."""

import json
import shutil
from pathlib import Path

import pytest

from bot.settings import NightSettings
from deploy.checks.finding import Finding, Health
from deploy.checks.night import check_night
from deploy.model import DEMO_ADAPTER, DEMO_MODEL
from tests.support.adapters import an_adapter


async def found(**settings: object) -> list[Finding]:
    """All findings."""
    return [finding async for finding in check_night(NightSettings.model_validate(settings))]


def a_program(path: Path, script: str) -> Path:
    """An interpreter that does what a shell script says."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


async def test_a_night_that_can_begin_has_no_problem() -> None:
    """The demo model and its adapter, with the interpreter that runs these tests: real imports, real shapes."""
    findings = await found(base=DEMO_MODEL, begin=DEMO_ADAPTER)
    assert [finding.text for finding in findings if finding.health is Health.PROBLEM] == []
    assert any(f"goes on from {DEMO_ADAPTER.name}" in finding.text for finding in findings)
    assert "can train" in findings[-1].text


async def test_no_base_is_worth_knowing() -> None:
    """Nights are off until somebody sets one."""
    findings = await found()
    assert findings[-1].health is Health.NOTE
    assert "PHYASSIST_NIGHT__BASE" in findings[-1].mend
    assert "never comes" in (await found(cron="0 0 30 2 *"))[0].text


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A directory without a tokenizer, an adapter of another model, a base set that is not there, an interpreter without packages."""
    python = a_program(tmp_path / "python", "echo 'Traceback' >&2; echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1")
    base = tmp_path / "base"
    base.mkdir()
    shutil.copy(DEMO_MODEL / "config.json", base)
    texts = [finding.text for finding in await found(base=base, python=python, base_set=tmp_path / "none.jsonl")]
    assert f"{base} has no tokenizer.json" in texts
    assert f"there is no file {tmp_path / 'none.jsonl'}" in texts
    assert f"{python} can't train: ModuleNotFoundError: No module named 'torch'" in texts
    misfit = an_adapter(tmp_path / "misfit")
    findings = await found(base=DEMO_MODEL, begin=misfit, python=tmp_path / "no-python")
    assert any(f"{misfit} is no adapter of that model" in finding.text and "NIGHT__BEGIN" in finding.mend for finding in findings)
    assert "can't be started (No such file or directory)" in findings[-1].text


@pytest.mark.parametrize(("count", "health", "word"), [(2, Health.OK, "on 2 GPUs"), (0, Health.NOTE, "sees no GPU")])
async def test_gpus_are_counted_by_that_interpreter(tmp_path: Path, count: int, health: Health, word: str) -> None:
    """The bot itself never imports torch."""
    finding = (await found(base=DEMO_MODEL, python=a_program(tmp_path / "python", f"echo 'GPUs {count}'")))[-1]
    assert finding.health is health
    assert word in finding.text


async def test_a_model_of_another_kind_is_a_problem(tmp_path: Path) -> None:
    """Its configuration is read, not only looked for."""
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 3}))
    (tmp_path / "tokenizer.json").write_text("{}")
    findings = await found(base=tmp_path, python=a_program(tmp_path / "python", "echo 'GPUs 1'"))
    assert any("PHYASSIST_NIGHT__BASE" in finding.mend for finding in findings if finding.health is Health.PROBLEM)
