"""Cards, and what goes to the hub: nothing that patients' cases went into, and nothing without its card."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, constants

from tests.support.loras import a_lora
from tests.support.tiny_models import tiny_model
from training.release.manifest import AdapterManifest
from training.weights.card import CARD, Published, problems_of, write_card
from training.weights.combine import Combination
from training.weights.deltas import make_delta
from training.weights.join import join
from training.weights.merge import Merging, merge
from training.weights.origin import lineage_of, made_of
from training.weights.publish import plan, push
from training.workbench.artifacts import write_manifest
from training.workbench.commands.groups import train
from training.workbench.config import Dtype
from training.workbench.errors import WorkbenchError
from training.workbench.places import ADAPTER
from training.workbench.rows import Origin, PromptCompletion, Source, Split, write_rows
from training.workbench.tiny import Architecture

SAID = Published("apache-2.0", ("en", "zh"), "example/base")
CASES = ("case-7", "case-9")


@pytest.fixture(scope="module")
def base() -> Path:
    """A tiny Llama."""
    return tiny_model(Architecture.LLAMA)


@pytest.fixture(scope="module")
def public(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter, trained on public rows as its manifest says."""
    folder = tmp_path_factory.mktemp("public")
    source = Source("counsel-chat.csv", "ab" * 32, 2373, "mit")
    origin = Origin("data prepare", [source])
    write_rows(folder / "rows", {Split.TRAIN: [PromptCompletion("How are you?", "Well.")]}, origin)
    adapter = a_lora(folder / "adapter", base, manifest=False)
    parents = [lineage_of(base, "base"), lineage_of(folder / "rows", "rows")]
    write_manifest(adapter, ADAPTER, {**made_of("train sft", parents), "model": base.name, "seed": 3})
    return adapter


@pytest.fixture(scope="module")
def of_cases(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that a night made of approved notes."""
    folder = a_lora(tmp_path_factory.mktemp("night") / "night-1", base, seed=1, manifest=False)
    manifest = AdapterManifest("night-1", base.name, "00", "00", "night-1", CASES, {"summary": 2}, 0)
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


def test_a_card_says_what_a_model_was_made_of(public: Path, base: Path, tmp_path: Path) -> None:
    """Metadata that the hub reads, and base, data with licences, seed, scores and limits in plain words."""
    merge(base, [public], tmp_path / "merged", Merging(Dtype.FP32))
    card = ModelCard.load(write_card(tmp_path / "merged", SAID))
    assert (card.data.license, card.data.language, card.data.base_model) == ("apache-2.0", ["en", "zh"], "example/base")
    assert (card.data.library_name, card.data.base_model_relation) == ("transformers", "merge")
    for told in ("counsel-chat.csv | 2373 | mit", "version of peft", "after merging, the saved files", "## Limits", "Not for patients"):
        assert told in card.text, told
    assert problems_of(tmp_path / "merged") == ()
    with pytest.raises(WorkbenchError, match="has a README"):
        write_card(tmp_path / "merged", SAID)


def test_adapters_and_deltas_have_cards_too(public: Path, base: Path, tmp_path: Path) -> None:
    """Each says what it is; a folder of something else has none."""
    join([public, public], tmp_path / "joined", Combination())
    card = ModelCard.load(write_card(tmp_path / "joined", SAID))
    assert (card.data.library_name, card.data.base_model_relation) == ("peft", "adapter")
    assert "relative error against the sum" in card.text
    make_delta(base, base, tmp_path / "delta")
    assert "train delta apply" in write_card(tmp_path / "delta", SAID).read_text()
    with pytest.raises(WorkbenchError, match="nothing to describe"):
        write_card(tmp_path, SAID)


def test_what_a_card_lacks_is_told(tmp_path: Path) -> None:
    """No card, no metadata, no sections: each is a problem."""
    assert "phyassist train card" in problems_of(tmp_path)[0]
    (tmp_path / CARD).write_text("---\nlanguage: en\n---\n# A model\n\n## Limits\n")
    assert problems_of(tmp_path) == (
        "its metadata lack license, library_name, base_model",
        "it lacks the sections Intended use, What it was made of",
    )
    (tmp_path / CARD).write_text("---\n: [\n---\n")
    assert "no YAML" in problems_of(tmp_path)[0]


def test_cases_are_never_published(of_cases: Path, public: Path, base: Path, tmp_path: Path) -> None:
    """A night's adapter is refused, whatever anybody says, and so is all that was made of it: combined, merged, as a delta."""
    join([public, of_cases], tmp_path / "joined", Combination(), base=base)
    merge(base, [tmp_path / "joined"], tmp_path / "merged", Merging(Dtype.FP32))
    make_delta(base, tmp_path / "merged", tmp_path / "delta")
    for folder in (of_cases, tmp_path / "joined", tmp_path / "merged", tmp_path / "delta"):
        write_card(folder, SAID)
        found = plan(folder, "owner/name", no_cases=True)
        assert len(found.problems) == 1, folder
        assert found.problems[0].startswith("2 patients' cases went into it")
        with pytest.raises(WorkbenchError, match="consent was given for training here"):
            push(found, endpoint="http://127.0.0.1:9")


def test_a_night_without_cases_left_is_refused_as_well(tmp_path: Path, base: Path) -> None:
    """Where the ids were forgotten, the weights are still a night's."""
    folder = a_lora(tmp_path / "night-2", base, manifest=False)
    (folder / "manifest.json").write_text(AdapterManifest("night-2", "b", "0", "0", "night-2", (), {}, 0).to_json())
    write_card(folder, SAID)
    assert plan(folder, "owner/name", no_cases=True).problems[0].startswith("patients' cases went into it")


def test_what_nobody_knows_has_to_be_vouched_for(base: Path, tmp_path: Path) -> None:
    """An adapter without a manifest, and what is made of it, needs a person's word."""
    stranger = a_lora(tmp_path / "stranger", base, manifest=False)
    join([stranger, stranger], tmp_path / "joined", Combination(), base=base)
    for folder in (stranger, tmp_path / "joined"):
        write_card(folder, SAID)
        assert "where stranger is from and under which licence: if you know" in plan(folder, "owner/name").problems[0]
        assert plan(folder, "owner/name", no_cases=True).problems == ()


def test_files_of_ones_own_have_to_be_vouched_for(base: Path, tmp_path: Path) -> None:
    """A manifest that names a file without a licence doesn't say whose words are in it: descriptions of patients, perhaps."""
    origin = Origin("data approved-questions", [Source("suggestions.jsonl", "cd" * 32, 4)])
    write_rows(tmp_path / "rows", {Split.TRAIN: [PromptCompletion("He sleeps badly.", "Since when?")]}, origin)
    adapter = a_lora(tmp_path / "adapter", base, manifest=False)
    write_manifest(adapter, ADAPTER, made_of("train sft", [lineage_of(base, "base"), lineage_of(tmp_path / "rows", "rows")]))
    merge(base, [adapter], tmp_path / "merged", Merging(Dtype.FP32))
    for folder in (adapter, tmp_path / "merged"):
        write_card(folder, SAID)
        assert any("suggestions.jsonl" in problem and "--no-cases" in problem for problem in plan(folder, "a/b").problems)
        assert plan(folder, "a/b", no_cases=True).problems == ()


def test_a_dry_run_lists_files_and_asks_nobody(public: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, sizes, hashes and data are shown; without a card it ends with what is missing; a bad name is told."""
    from training.workbench.commands import load

    load("train")
    with pytest.raises(WorkbenchError, match="phyassist train card"):
        train(["push", str(public), "owner/name", "--dry-run"], standalone_mode=False)
    train(["card", str(public), "--license", "apache-2.0"], standalone_mode=False)
    train(["push", str(public), "owner/name", "--dry-run"], standalone_mode=False)
    told = capsys.readouterr().out
    size = (public / "adapter_model.safetensors").stat().st_size
    assert f"{size:,}  adapter_model.safetensors" in told
    assert "counsel-chat.csv (mit)" in told
    assert "nothing was sent" in told
    for name in ("no owner", "noowner"):
        assert plan(public, name).problems


def test_a_changed_file_is_not_published(public: Path, tmp_path: Path, base: Path) -> None:
    """What is not as it was made is refused before anything else."""
    join([public, public], tmp_path / "joined", Combination())
    (tmp_path / "joined" / "adapter_config.json").write_text("{}")
    with pytest.raises(WorkbenchError, match="was changed since"):
        plan(tmp_path / "joined", "owner/name")


class Hub(BaseHTTPRequestHandler):
    """As much of a model hub as an upload of small files needs; what was committed is in `files`."""

    files: dict[str, bytes]
    made: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Answers what HfApi asks when it makes a repository and commits."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/preupload/main"):
            names = [file["path"] for file in json.loads(body)["files"]]
            self.answer({"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]})
        elif "/commit/" in self.path:
            lines = [json.loads(line) for line in body.splitlines()]
            self.files.update(
                {line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"}
            )
            self.answer({"commitUrl": "http://127.0.0.1/owner/name/commit/1", "commitOid": "1", "pullRequestUrl": None})
        elif self.path.endswith("/repos/create"):
            self.made.append(json.loads(body))
            self.answer({"url": "http://127.0.0.1/owner/name"})
        else:
            self.answer({"errors": [], "warnings": []})

    def do_GET(self) -> None:
        """What is there already: nothing."""
        self.answer({"siblings": [], "sha": "0", "id": "owner/name"})

    def answer(self, value: Any) -> None:
        """JSON."""
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def a_hub() -> Iterator[tuple[str, type[Hub]]]:
    """The stand-in's address, and what it got."""
    handler = type("OneHub", (Hub,), {"files": {}, "made": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler
        finally:
            server.shutdown()
            thread.join()


def test_an_upload_sends_what_was_planned(public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's own client sends the planned files to a stand-in, into a private repository, and nothing else that lies there."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_of_this_test")
    join([public, public], tmp_path / "joined", Combination())
    write_card(tmp_path / "joined", SAID)
    (tmp_path / "joined" / "notes.tmp").write_text("not for the hub")
    found = plan(tmp_path / "joined", "owner/name")
    with a_hub() as (address, hub):
        assert push(found, endpoint=address).endswith("/commit/1")
    assert set(hub.files) == {"adapter_model.safetensors", "adapter_config.json", "manifest.json", CARD}
    assert hub.files["adapter_model.safetensors"] == (tmp_path / "joined" / "adapter_model.safetensors").read_bytes()
    assert [one["visibility"] for one in hub.made] == ["private"]
