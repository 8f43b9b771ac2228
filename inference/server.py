"""The model server as everybody starts it: a profile and the adapters in service become a supervised server.

async with model_server(cpu_profile(directory, 8000), home, {"phyassist": adapter}, print) as server:
    OpenAIChatModel(server.url, api_key=None, timeout_s=60)
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from inference.adapters import AttentionShape, check_adapter, read_base_shape
from inference.errors import BadAdapter, ServerFailed
from inference.profiles import ServeProfile
from inference.registry import ADAPTERS_DIRECTORY, Registry, ServerNote
from inference.supervisor import ModelServer, Progress

LOG_FILE = Path("logs", "model-server.log")


def model_server(profile: ServeProfile, home: Path, adapters: Mapping[str, Path], say: Progress) -> ModelServer:
    """A supervised server for the adapters given and those that the registry under `home` has in service; not started yet."""
    registry = Registry(home / ADAPTERS_DIRECTORY)
    return ModelServer(profile, home / LOG_FILE, partial(adapters_to_serve, profile, registry, adapters, say), say)


def adapters_to_serve(profile: ServeProfile, registry: Registry, adapters: Mapping[str, Path], say: Progress) -> dict[str, Path]:
    """Names and directories that the server may load. A bad adapter is left out, and the reason said; the others are served.

    The registry remembers what this server can take, for whoever promotes an adapter while it runs.
    """
    registry.note_server(ServerNote(profile.model, profile.max_lora_rank))
    wanted = {name: path.absolute() for name, path in adapters.items()}
    wanted |= {adapter.name: adapter.path for adapter in registry.in_service()}
    if not wanted:
        return {}
    good = {}
    base = base_shape(profile.model)
    for name, path in wanted.items():
        try:
            check_adapter(path, base, profile.max_lora_rank)
        except BadAdapter as error:
            say(f"the adapter {name} is not served: {error}")
        else:
            good[name] = path
    return good


def base_shape(model: str) -> AttentionShape:
    """The sizes of a base model, which is a directory or a hub id. Raises: ServerFailed when its config.json can't be had."""
    try:
        if Path(model).is_dir():
            return read_base_shape(Path(model))
        from huggingface_hub import hf_hub_download  # comes with vllm

        return read_base_shape(Path(hf_hub_download(model, "config.json")).parent)
    except (BadAdapter, OSError, ValueError) as error:  # huggingface_hub raises both of the latter
        raise ServerFailed(f"the configuration of the model {model} can't be read, so its adapters can't be checked ({error})") from error
