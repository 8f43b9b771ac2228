"""Where samples of the public sets lie, on machines that have them; they are read, and never committed."""

import os
from pathlib import Path

import pytest

SAMPLES = Path(os.environ.get("PHYASSIST_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the public samples are not on this machine")
