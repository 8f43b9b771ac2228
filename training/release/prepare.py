"""The directory that is registered: the adapter's weights, and beside them all that is known of it.

adapter_config.json  adapter_model.safetensors    as training left them
manifest.json                                     what it was made of
probe.json                                        what the server computed with it when it was measured
report.json  report.md                            the gate's verdict, with the scores it followed from
MODEL_CARD.md                                     the same for people
"""

import json
import shutil
from pathlib import Path

from inference.adapters import CONFIG_FILE, WEIGHTS_FILE
from inference.manifests import MANIFEST
from inference.probe import FILE as PROBE
from inference.probe import Probe
from training.gate.scores import Scores
from training.gate.verdict import Verdict
from training.release.card import model_card, report_markdown
from training.release.manifest import AdapterManifest

CARD = "MODEL_CARD.md"
REPORT_JSON = "report.json"
REPORT = "report.md"


def prepare(
    trained: Path, target: Path, manifest: AdapterManifest, probe: Probe, champion: Scores, challenger: Scores, verdict: Verdict
) -> Path:
    """Makes `target` from the adapter in `trained`, for `Registry.add`; what lay there before, as after a crash, is replaced."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        shutil.copyfile(trained / name, target / name)
    (target / MANIFEST).write_text(manifest.to_json())
    (target / PROBE).write_text(probe.to_json())
    (target / REPORT_JSON).write_text(report_json(champion, challenger, verdict))
    (target / REPORT).write_text(report_markdown(verdict), encoding="utf-8")
    (target / CARD).write_text(model_card(manifest, verdict), encoding="utf-8")
    return target


def report_json(champion: Scores, challenger: Scores, verdict: Verdict) -> str:
    """Verdict and both scores: with them, `decide` says the same again."""
    parts = {"verdict": verdict.to_json(), "champion": champion.to_json(), "challenger": challenger.to_json()}
    return json.dumps({name: json.loads(text) for name, text in parts.items()}, indent=1, ensure_ascii=False)


def read_report(directory: Path) -> tuple[Scores, Scores, Verdict]:
    """Champion's scores, challenger's scores and verdict of a registered adapter.

    Raises:
        FileNotFoundError: it was registered without a report.
        pydantic.ValidationError: the report is of another kind.
    """
    parts = {name: json.dumps(part) for name, part in json.loads((directory / REPORT_JSON).read_text()).items()}
    return Scores.from_json(parts["champion"]), Scores.from_json(parts["challenger"]), Verdict.from_json(parts["verdict"])
