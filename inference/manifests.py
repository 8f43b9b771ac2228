"""What an adapter was made of, as far as serving has to know it: the cases that it learned from, and the adapter that it began with.

`training.release` writes the manifest; read here are `cases` (ids) and `begins_with` (an adapter's name or null).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.errors import BadAdapter

MANIFEST = "manifest.json"


def cases_of(name: str, directory: Callable[[str], Path]) -> frozenset[str]:
    """Ids of all cases that an adapter learned from: its own, and those of the adapters that its training began with.

    Raises:
        UnknownAdapter: by `directory`, which says where the adapter of a name is.
        BadAdapter: a manifest can't be read.
    """
    found: set[str] = set()
    seen: set[str] = set()
    left: str | None = name
    while left is not None and left not in seen:
        seen.add(left)
        manifest = _manifest(left, directory(left))
        found.update(map(str, manifest.get("cases", ())))
        left = manifest.get("begins_with")
    return frozenset(found)


def _manifest(name: str, directory: Path) -> dict[str, Any]:
    """Empty for an adapter that was registered without one."""
    try:
        value = json.loads((directory / MANIFEST).read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise BadAdapter(f"the manifest of {name} can't be read") from None
    return value if isinstance(value, dict) else {}
