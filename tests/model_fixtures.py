"""The one real model server that all tests of a session share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.adapters import read_base_shape
from inference.profiles import cpu_profile
from tests.support.adapters import an_adapter
from tests.support.model_server import BackgroundServer, a_free_port

DEMO = Path(__file__).parents[1] / "training" / "demo"
ADAPTER = "phyassist"
OTHER_ADAPTER = "other"


@pytest.fixture(scope="session")
def model_directory() -> Path:
    """The demo model, or another model named by PHYASSIST_TEST_MODEL."""
    return Path(os.environ.get("PHYASSIST_TEST_MODEL") or DEMO / "model")


@pytest.fixture(scope="session")
def adapter_directory(model_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model's adapter; for another model, an adapter of random numbers."""
    if model_directory == DEMO / "model":
        return DEMO / "adapter"
    return an_adapter(tmp_path_factory.mktemp("adapters") / ADAPTER, read_base_shape(model_directory), rank=8)


@pytest.fixture(scope="session")
def other_adapter_directory(model_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another adapter for the same model, of random numbers, so strong that its answers differ."""
    return an_adapter(tmp_path_factory.mktemp("adapters") / OTHER_ADAPTER, read_base_shape(model_directory), rank=8, scale=0.3, seed=1)


@pytest.fixture(scope="session")
def model_server(model_directory: Path, adapter_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundServer]:
    """A real vLLM server on the CPU, which serves `base` and the adapter `phyassist`. It takes half a minute to start."""
    log = tmp_path_factory.mktemp("model-server") / "model-server.log"
    profile = cpu_profile(model_directory, a_free_port())
    with BackgroundServer(profile, {ADAPTER: adapter_directory}, log) as server:
        yield server
