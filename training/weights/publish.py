"""A model, an adapter or a delta goes to the Hugging Face hub, or a dry run shows what would.

What patients' cases went into is never published: weights hold on to what they learned, and consent was given for training, not for that.
The manifests tell (`origin`). Where they tell nothing, a person has to say that no case is in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.weights.card import problems_of
from training.weights.deltas import KIND as DELTA
from training.weights.origin import Lineage, lineage_of
from training.workbench.artifacts import MANIFEST, read_manifest, sha256_of
from training.workbench.errors import WorkbenchError
from training.workbench.places import ADAPTER, ADAPTER_CONFIG, MODEL, OUTPUT, RUN_CONFIG

FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.md", "*.py", "delta.bin", "files/*", "headers/*")
"""What belongs to a model, an adapter or a delta; nothing else that lies in the folder goes along."""


@dataclass(frozen=True)
class PublishedFile:
    """A file that goes to the hub, by its name there."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Plan:
    """What would be published. It may be where there are no `problems`."""

    folder: Path
    repository: str
    kind: str
    files: tuple[PublishedFile, ...]
    lineage: Lineage
    problems: tuple[str, ...]


def plan(path: Path, repository: str, no_cases: bool = False) -> Plan:
    """Looks at a folder, or the output of a run, without asking the hub anything.

    Args:
        path: the folder of a model, an adapter or a delta, or of a run.
        repository: the name on the hub, `owner/name`.
        no_cases: a person says that no case is in what manifests don't tell about.

    Raises:
        WorkbenchError: the folder holds none of these, or a file was changed since it was made.
    """
    folder = path / OUTPUT if (path / RUN_CONFIG).is_file() else path
    lineage = lineage_of(folder, "self")
    kind = _kind(folder, lineage)
    files = sorted({file for pattern in FILES for file in folder.glob(pattern) if file.is_file() and not file.name.startswith(".")})
    listed = tuple(PublishedFile(file.relative_to(folder).as_posix(), file.stat().st_size, sha256_of(file)) for file in files)
    problems = (*_repository(repository), *_cases(lineage, no_cases), *problems_of(folder))
    return Plan(folder, repository, kind, listed, lineage, problems)


def push(found: Plan, public: bool = False, endpoint: str | None = None) -> str:
    """Uploads what was planned in one commit, whose address it returns. A repository that is not there is made, private unless `public`.

    Raises:
        WorkbenchError: there are problems, or the hub refuses or can't be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is that of whichever HTTP library it uses
        HfHubHTTPError,
        HTTPError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
    )

    refuse_problems(found)
    hub = HfApi(endpoint=endpoint)
    try:
        hub.create_repo(found.repository, private=not public, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=found.repository,
            folder_path=found.folder,
            allow_patterns=[file.name for file in found.files],
            commit_message="PhyAssist",
        )
    except LocalTokenNotFoundError:
        raise WorkbenchError("the hub wants to know who you are: `hf auth login`, or set HF_TOKEN") from None
    except OfflineModeIsEnabled:
        raise WorkbenchError("HF_HUB_OFFLINE is set, so that nothing is sent: unset it") from None
    except HfHubHTTPError as error:
        raise WorkbenchError(
            f"the hub refuses {found.repository} ({error.response.status_code}): check its name and your rights"
        ) from error
    except (HTTPError, ConnectionError) as error:
        raise WorkbenchError(f"the hub can't be reached ({type(error).__name__}): try again later; nothing half-sent is visible") from error
    return str(commit.commit_url)


def refuse_problems(found: Plan) -> None:
    """Raises: WorkbenchError with all reasons why this may not be published; nothing where there are none."""
    if found.problems:
        raise WorkbenchError(f"{found.folder.name} can't be published: {'; '.join(found.problems)}")


def _kind(folder: Path, lineage: Lineage) -> str:
    if lineage.kind in {MODEL, ADAPTER, DELTA}:
        read_manifest(folder, lineage.kind)
        return lineage.kind
    if (folder / ADAPTER_CONFIG).is_file():
        return ADAPTER
    if (folder / "config.json").is_file():
        return MODEL
    raise WorkbenchError(f"{folder.name} holds no model, no adapter and no delta" + (f", but {lineage.kind}" if lineage.kind else ""))


def _repository(name: str) -> Sequence[str]:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return [f"{name} is no name of a repository: it is like owner/name, of letters, digits, '-', '_' and '.'"]
    return [] if "/" in name else [f"{name} names no owner: a repository is called owner/name"]


def _cases(lineage: Lineage, no_cases: bool) -> Sequence[str]:
    if lineage.from_cases:
        count = f"{len(lineage.cases)} patients' cases" if lineage.cases else "patients' cases"
        refused = (
            f"{count} went into it, as {MANIFEST} says: weights hold on to what they learned, and consent was given for training here, not "
            "for publication. Nothing changes that; publish what is made of public data alone"
        )
        return [refused]
    if lineage.unknown and not no_cases:
        named = ", ".join(lineage.unknown)
        told = f"no manifest says where {named} is from and under which licence"
        return [f"{told}: if you know that no patient's case is in it, say so with --no-cases"]
    return []
