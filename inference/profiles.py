"""How the model server is started on which machine: profiles as plain values, turned into vLLM's arguments.

The figures are explained in README.md; those of the `cpu` profile were measured, those for GPUs come from vLLM's source
and the sizes of the published weights.
"""

import json
import os
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from inference.vllm_plugin import FORK
from inference.vllm_plugin import NAME as CPU_PLUGIN

ATTENTION_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj")
"""The only modules that PhyAssist's adapters change; experts and router stay the base model's."""

ALLOWED_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as `--max-lora-rank`."""

STRUCTURED_OUTPUTS = {"backend": "guidance", "disable_any_whitespace": True}
"""The one setting with which every guided answer was valid JSON; other backends let raw control characters into strings."""


class ProfileName(StrEnum):
    """The machines that PhyAssist knows."""

    CPU = "cpu"
    GPU_2X24 = "gpu-2x24"
    GPU_2X80 = "gpu-2x80"


@dataclass(frozen=True)
class ServeProfile:
    """All settings of one model server."""

    model: str
    """A directory, or the id of a model on the hub."""
    port: int
    served_name: str = "base"
    host: str = "127.0.0.1"
    api_key: str | None = field(default=None, repr=False)
    """Guards `/v1` only; goes through the environment, because argument lists are public on a machine."""
    on_cpu: bool = False
    tensor_parallel: int = 1
    """Over how many GPUs, or cores, each layer is split."""
    dtype: str = "bfloat16"
    quantization: str | None = None
    max_model_len: int | None = None
    """Prompt and answer in tokens; None is what the model's config says."""
    max_num_seqs: int = 32
    """Requests that run at the same time; more wait in line."""
    block_size: int | None = None
    """Tokens per block of the KV cache, the grain of prefix-cache hits; None is vLLM's choice."""
    kv_cache_gib: int | None = None
    """On CPUs: memory for the KV cache."""
    gpu_memory: float | None = None
    """On GPUs: the share of each GPU's memory that vLLM takes."""
    max_loras: int = 2
    """Adapters in one batch: the champion, and the challenger while it is evaluated."""
    max_lora_rank: int = 16
    max_cpu_loras: int = 8
    """Adapters that vLLM keeps in host memory; one beyond it is read from disk again."""
    offline: bool = False
    """Never ask the hub, for machines that can't or must not reach it."""
    extra: tuple[str, ...] = ()
    """Further vLLM arguments, last, so that they win."""

    def __post_init__(self) -> None:
        """Raises: ValueError for a rank which vLLM would refuse at start."""
        if self.max_lora_rank not in ALLOWED_RANKS:
            raise ValueError(f"max_lora_rank is {self.max_lora_rank}, but vLLM takes one of {', '.join(map(str, ALLOWED_RANKS))}")

    @property
    def url(self) -> str:
        """Where clients reach the server, version included."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104  # compared, not bound
        return f"http://{host}:{self.port}/v1"

    def arguments(self) -> list[str]:
        """The arguments of `vllm serve` (and of `python -m vllm.entrypoints.openai.api_server`)."""
        given = {
            "--model": self.model,
            "--served-model-name": self.served_name,
            "--host": self.host,
            "--port": self.port,
            "--tensor-parallel-size": self.tensor_parallel,
            "--dtype": self.dtype,
            "--quantization": self.quantization,
            "--max-model-len": self.max_model_len,
            "--max-num-seqs": self.max_num_seqs,
            "--block-size": self.block_size,
            "--gpu-memory-utilization": self.gpu_memory,
            "--max-loras": self.max_loras,
            "--max-lora-rank": self.max_lora_rank,
            "--max-cpu-loras": self.max_cpu_loras,
            "--structured-outputs-config": json.dumps(STRUCTURED_OUTPUTS),
            "--generation-config": "vllm",  # sampling is the client's business, whatever the model's files say
            "--scheduling-policy": "priority",  # people before background work; without it vLLM refuses `priority`
        }
        pairs = [text for flag, value in given.items() if value is not None for text in (flag, str(value))]
        switches = ["--enable-lora", "--enable-prefix-caching", "--enable-prompt-tokens-details", "--no-enable-log-requests"]
        quiet = ["--disable-uvicorn-access-log", "--no-log-error-stack"]
        return [*pairs, *switches, *quiet, "--lora-target-modules", *ATTENTION_MODULES, *self._executor(), *self.extra]

    def environment(self) -> dict[str, str]:
        """Environment variables to add to the server's."""
        values = {
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_LOGGING_LEVEL": "INFO",  # the start is told from these lines, and TRL silences them for all that its process starts
            "VLLM_PLUGINS": CPU_PLUGIN,  # only this one; the plugins of other installed packages are not loaded
            "TOKENIZERS_PARALLELISM": "false",
        }
        if self.offline:
            values |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        if self.api_key:
            values["VLLM_API_KEY"] = self.api_key
        return values | (self._cpu_environment() if self.on_cpu else {})

    def _executor(self) -> list[str]:
        """On one CPU worker the engine does the work itself: one process less to start, 0.9 GB less, the same speed."""
        return ["--distributed-executor-backend", "uni"] if self.on_cpu and self.tensor_parallel == 1 else []

    def _cpu_environment(self) -> dict[str, str]:
        values = {
            "VLLM_CPU_KVCACHE_SPACE": str(self.kv_cache_gib or 1),
            # With LoRA nothing of the model is compiled, only a helper for logprobs: 18 s in its first request, and a C++ compiler
            "TORCHDYNAMO_DISABLE": "1",
        }
        cores = usable_cores()
        if self.tensor_parallel == 1:
            # vLLM would put a worker process in between, for the sake of thread binding across NUMA nodes
            values |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", FORK: "1"}
            return values | {"OMP_NUM_THREADS": str(max(1, len(cores) - 1))}  # one core is for the API process
        # vLLM binds one worker to each NUMA node by itself, and fails where there are fewer nodes than workers
        return values | {"VLLM_CPU_OMP_THREADS_BIND": bind_cores(cores, self.tensor_parallel)}


def cpu_profile(model: Path | str, port: int) -> ServeProfile:
    """For machines without a GPU, made for the small demo model."""
    return ServeProfile(
        model=str(model),
        port=port,
        on_cpu=True,
        dtype=cpu_dtype(),
        block_size=32,  # the smallest that keeps the fast attention kernel; vLLM's own choice of 128 caches in coarser steps
        kv_cache_gib=1,
        offline=Path(model).is_dir(),
    )


def gpu_2x24_profile(model: Path | str | None, port: int) -> ServeProfile:
    """Two GPUs of 24 GB: the weights in 4 bits, 12 to 13 GB on each, which leaves room for some 60,000 tokens of KV cache."""
    return ServeProfile(
        model=str(model or "TheBloke/Mixtral-8x7B-Instruct-v0.1-AWQ"),
        port=port,
        tensor_parallel=2,
        dtype="float16",  # what AWQ and GPTQ kernels are written for
        max_model_len=16384,
        gpu_memory=0.92,
        max_lora_rank=32,  # what a night trains by default; on attention alone 28 MB a GPU and adapter
    )


def gpu_2x80_profile(model: Path | str | None, port: int) -> ServeProfile:
    """Two GPUs of 80 GB: bfloat16 weights, 47 GB on each."""
    return ServeProfile(
        model=str(model or "mistralai/Mixtral-8x7B-Instruct-v0.1"),
        port=port,
        tensor_parallel=2,
        max_model_len=32768,
        max_num_seqs=64,
        gpu_memory=0.9,
        max_loras=4,
        max_lora_rank=64,
    )


def make_profile(name: ProfileName, model: Path | str | None, port: int, tensor_parallel: int | None = None) -> ServeProfile:
    """The profile of that name; `tensor_parallel` replaces the profile's own.

    Raises:
        ValueError: the cpu profile was given no model.
    """
    match name:
        case ProfileName.CPU:
            if model is None:
                raise ValueError("the cpu profile needs a model: a directory, or the id of a small model on the hub")
            profile = cpu_profile(model, port)
        case ProfileName.GPU_2X24:
            profile = gpu_2x24_profile(model, port)
        case ProfileName.GPU_2X80:
            profile = gpu_2x80_profile(model, port)
    return profile if tensor_parallel is None else replace(profile, tensor_parallel=tensor_parallel)


def cpu_dtype(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """bfloat16 where the processor computes in it, else float32, which was 1.3 to 1.7 times as fast on AVX2."""
    try:
        flags = cpuinfo.read_text()
    except OSError:
        return "float32"
    return "bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"


def usable_cores() -> list[int]:
    """The numbers of the cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))


def bind_cores(cores: list[int], workers: int) -> str:
    """`cores` shared out among `workers` as vLLM writes it: `0,1|2,3`. With fewer cores than workers, some share one."""
    if len(cores) < workers:
        return "|".join(str(cores[worker % len(cores)]) for worker in range(workers))
    share = len(cores) // workers
    return "|".join(",".join(map(str, cores[worker * share : (worker + 1) * share])) for worker in range(workers))
