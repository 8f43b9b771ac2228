"""Rebuild the demo model with one command: `python -m training.demo.build`.

Five stages, each of which leaves its result in the work folder and is skipped when it is there already: tokenizer, base
model, the same with fluency, adapter, export. The manifest is written last, so its existence means that the export is complete.
The random numbers are seeded and the threads fixed, so one machine gives one model.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import GenerationConfig, MixtralForCausalLM

from training.demo.batches import Batch, batches
from training.demo.content import Content, load_content
from training.demo.corpus import adapter_rows, base_rows, fluency_rows, sample_texts
from training.demo.curve import draw_curves
from training.demo.loop import Point, Schedule, train
from training.demo.meaning import begin_with_meaning, keep_meaning
from training.demo.sizes import QUICK, SHIPPED, Size
from training.demo.tokens import BOS, EOS, Encoder, load_tokenizer, train_tokenizer

HERE = Path(__file__).parent
THREADS = 2
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
STAGES = ("base", "fluency", "adapter")
LIBRARIES = ("torch", "transformers", "peft", "tokenizers")


class Build:
    """One build: its size, its work folder, and the content it is made from."""

    def __init__(self, size: Size, work: Path, content: Content, device: str) -> None:
        self.size, self.work, self.content, self.device = size, work, content, device
        work.mkdir(parents=True, exist_ok=True)

    def run(self, out: Path) -> None:
        """All stages, then the export into `out`."""
        self._stage("tokenizer", self._tokenizer)
        self._stage("base", self._base)
        self._stage("fluency", self._fluency)
        self._stage("adapter", self._adapter)
        self.export(out)

    def export(self, out: Path) -> None:
        """Write model, adapter, loss picture and manifest, weights in bfloat16."""
        (out / "manifest.json").unlink(missing_ok=True)
        for name in ("model", "adapter"):
            shutil.rmtree(out / name, ignore_errors=True)
        model = self._load_base().to(torch.bfloat16)
        model.generation_config = GenerationConfig(bos_token_id=BOS, eos_token_id=EOS, pad_token_id=EOS)
        model.save_pretrained(out / "model")
        load_tokenizer(self.work / "tokenizer").save_pretrained(str(out / "model"))
        adapter = PeftModel.from_pretrained(self._load_base(), str(self.work / "adapter")).to(torch.bfloat16)
        adapter.peft_config["default"].base_model_name_or_path = "training/demo/model"
        adapter.save_pretrained(str(out / "adapter"), save_embedding_layers=False)
        (out / "adapter" / "README.md").unlink(missing_ok=True)
        curves = {name: self._curve(name) for name in STAGES}
        draw_curves(curves, out / "loss.png")
        manifest = json.dumps(self._manifest(out, curves), indent=2, ensure_ascii=False)
        (out / "manifest.json").write_text(manifest + "\n", encoding="utf-8")

    def _stage(self, name: str, make: Callable[[Path], None]) -> None:
        folder = self.work / name
        if folder.exists():
            print(f"{name}: there already, skipped", flush=True)
            return
        started, partial = time.monotonic(), self.work / f"{name}.partial"
        print(f"{name}: {'goes on' if partial.exists() else 'started'}", flush=True)
        partial.mkdir(exist_ok=True)
        make(partial)
        (partial / "seconds.json").write_text(json.dumps(round(time.monotonic() - started)), encoding="utf-8")
        partial.rename(folder)

    def _tokenizer(self, folder: Path) -> None:
        texts = sample_texts(self.content, self.size.tokenizer_rows, self.size.seed)
        train_tokenizer(texts, self.size.vocabulary).save_pretrained(str(folder))

    def _base(self, folder: Path) -> None:
        tokenizer = load_tokenizer(self.work / "tokenizer")
        torch.manual_seed(self.size.seed)
        encoder, config = Encoder(tokenizer), self.size.config(len(tokenizer))
        model = MixtralForCausalLM(config)
        begin_with_meaning(model, self.content, encoder)
        keep_meaning(model)
        model.to(self.device)
        rows = base_rows(self.content, encoder, self.size.seed + 1, self.size.longest)
        self._train(model, model, batches(rows, self.size.base.batch_tokens, self.size.seed), self.size.base, folder)
        model.save_pretrained(folder)

    def _fluency(self, folder: Path) -> None:
        model, content = self._load_base("base").to(self.device), _later(self.content)
        keep_meaning(model)
        encoder = Encoder(load_tokenizer(self.work / "tokenizer"))
        rows = fluency_rows(content, encoder, self.size.seed + 3, self.size.longest)
        self._train(model, model, batches(rows, self.size.fluency.batch_tokens, self.size.seed), self.size.fluency, folder)
        model.save_pretrained(folder)

    def _adapter(self, folder: Path) -> None:
        torch.manual_seed(self.size.seed)
        base = self._load_base().to(self.device)
        settings = LoraConfig(r=self.size.rank, lora_alpha=2 * self.size.rank, target_modules=ATTENTION, task_type="CAUSAL_LM")
        model = get_peft_model(base, settings)
        for name, parameter in model.named_parameters():
            if ".layers.0." in name:  # the layer that averages meanings stays as it is
                parameter.requires_grad_(False)
        encoder = Encoder(load_tokenizer(self.work / "tokenizer"))
        rows = adapter_rows(_later(self.content), encoder, self.size.seed + 2, self.size.longest)
        self._train(model, base, batches(rows, self.size.adapter.batch_tokens, self.size.seed), self.size.adapter, folder)
        model.save_pretrained(str(folder))

    def _train(
        self, model: MixtralForCausalLM | PeftModel, decoder: MixtralForCausalLM, stream: Iterator[Batch], schedule: Schedule, folder: Path
    ) -> None:
        on_device = (batch.to(self.device) for batch in stream)
        curve = train(model, decoder, on_device, schedule, folder / "state.pt")
        (folder / "curve.json").write_text(json.dumps([asdict(point) for point in curve]), encoding="utf-8")
        (folder / "state.pt").unlink(missing_ok=True)

    def _load_base(self, stage: str = "fluency") -> MixtralForCausalLM:
        return MixtralForCausalLM.from_pretrained(self.work / stage, dtype=torch.float32, experts_implementation="grouped_mm")

    def _curve(self, stage: str) -> list[Point]:
        return [Point(**point) for point in json.loads((self.work / stage / "curve.json").read_text(encoding="utf-8"))]

    def _manifest(self, out: Path, curves: dict[str, list[Point]]) -> dict[str, object]:
        files = sorted(path for name in ("model", "adapter") for path in (out / name).iterdir())
        stages = {
            stage: {
                "seconds": json.loads((self.work / stage / "seconds.json").read_text(encoding="utf-8")),
                "tokens": curve[-1].tokens,
                "steps": curve[-1].step,
                "final_loss": round(curve[-1].loss, 4),
            }
            for stage, curve in curves.items()
        }
        return {
            "size": self.size.name,
            "seed": self.size.seed,
            "problems": len(self.content.problems),
            "content_sha256": content_hash(),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
            "stages": stages,
            "sha256": {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        }


def _later(content: Content) -> Content:
    """After the words, both languages weigh the same, and risks are as rare as the model should expect them to be."""
    return replace(content, english=0.5, risk=0.25)


def content_hash(folder: Path = HERE) -> str:
    """One hash over all content files, in the order of their names."""
    paths = [*sorted((folder / "problems").glob("*.yaml")), folder / "risks.yaml", folder / "phrases.yaml"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.demo.build", description="Train and export the demo model.")
    parser.add_argument("--quick", action="store_true", help="a toy size that proves the pipeline in a few seconds")
    parser.add_argument("--out", type=Path, default=HERE, help="where model/, adapter/, loss.png and manifest.json go")
    parser.add_argument("--work", type=Path, default=None, help="where finished stages are kept (default: build/demo-SIZE)")
    parser.add_argument("--fresh", action="store_true", help="forget finished stages")
    chosen = parser.parse_args(arguments)
    size: Size = QUICK if chosen.quick else SHIPPED
    work: Path = chosen.work or Path("build") / f"demo-{size.name}"
    if chosen.fresh:
        shutil.rmtree(work, ignore_errors=True)
    torch.set_num_threads(THREADS)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.use_deterministic_algorithms(mode=device == "cuda", warn_only=True)
    Build(size, work, load_content(), device).run(chosen.out)
    print(f"done: {chosen.out / 'model'} and {chosen.out / 'adapter'}", flush=True)


def _calm_threads() -> None:
    """Waiting threads must sleep, not spin: spinning ones slow a shared machine down several times. OpenMP reads this at its start only."""
    if os.environ.get("OMP_WAIT_POLICY") is None:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.execv(sys.executable, [sys.executable, "-m", "training.demo.build", *sys.argv[1:]])


if __name__ == "__main__":
    _calm_threads()
    main()
