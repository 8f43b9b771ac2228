"""The real model server of these tests, which kill it and load adapters into it."""

from tests.model_fixtures import adapter_directory, model_directory, model_server, other_adapter_directory

__all__ = ["adapter_directory", "model_directory", "model_server", "other_adapter_directory"]
