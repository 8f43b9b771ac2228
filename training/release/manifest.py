"""What an adapter was made of: enough to say who is in it, and to make it again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

FORMAT = 1
BASE_FILES = ("*.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "tokenizer_config.json")
"""The files of a base model that what it writes depends on."""


@dataclass(frozen=True)
class AdapterManifest:
    """One adapter's origin. `cases` are those of its own training file; those of `begins_with` come on top (`Registry.cases`)."""

    name: str
    base: str
    """The base model's directory name, or its id on the hub."""
    base_sha256: str
    dataset_sha256: str
    """Of the dataset's manifest, which has the hashes of its files."""
    night: str
    cases: tuple[str, ...]
    sources: Mapping[str, int]
    """Training rows by source."""
    pairs: int
    begins_with: str | None = None
    """The registered adapter that training went on from; None where it began afresh, or with one that the registry doesn't have."""
    origin: str | None = None
    """The directory's name of an adapter that training went on from and the registry doesn't have: one that no case went into."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> str:
        """For the adapter's directory."""
        return _MANIFEST.dump_json(self, indent=1).decode()

    @staticmethod
    def from_json(text: str) -> "AdapterManifest":
        """What `to_json` wrote.

        Raises:
            pydantic.ValidationError: it is something else.
        """
        return _MANIFEST.validate_json(text)


_MANIFEST = TypeAdapter(AdapterManifest)


def base_sha256(model: Path) -> str:
    """SHA-256 over a base model's weights, configuration, tokenizer and template. It reads all of them: minutes for a large model.

    Raises:
        FileNotFoundError: there are no weights.
    """
    files = sorted({path for pattern in BASE_FILES for path in model.glob(pattern)})
    if not any(path.suffix == ".safetensors" for path in files):
        raise FileNotFoundError(f"there are no weights in {model.name}")
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            total.update(f"{path.name}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()
