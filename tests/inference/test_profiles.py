"""Profiles become vLLM's arguments."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inference.profiles import ProfileName, ServeProfile, bind_cores, cpu_dtype, cpu_profile, make_profile
from inference.vllm_plugin import FORK

COMMON = [
    "--enable-lora", "--enable-prefix-caching", "--enable-prompt-tokens-details", "--no-enable-log-requests",
    "--disable-uvicorn-access-log", "--no-log-error-stack", "--lora-target-modules", "q_proj", "k_proj", "v_proj", "o_proj",
]  # fmt: skip
STRUCTURED = json.dumps({"backend": "guidance", "disable_any_whitespace": True})
ENDS = ["--structured-outputs-config", STRUCTURED, "--generation-config", "vllm", "--scheduling-policy", "priority"]


def test_two_gpus_of_24_gb() -> None:
    """A 4-bit checkpoint in half precision over two GPUs, with the ranks and slots that fit beside it."""
    assert make_profile(ProfileName.GPU_2X24, None, 8000).arguments() == [
        "--model", "TheBloke/Mixtral-8x7B-Instruct-v0.1-AWQ", "--served-model-name", "base", "--host", "127.0.0.1", "--port", "8000",
        "--tensor-parallel-size", "2", "--dtype", "float16", "--max-model-len", "16384", "--max-num-seqs", "32",
        "--gpu-memory-utilization", "0.92", "--max-loras", "2", "--max-lora-rank", "32", "--max-cpu-loras", "8", *ENDS, *COMMON,
    ]  # fmt: skip


def test_two_gpus_of_80_gb() -> None:
    """The full weights in bfloat16 over two GPUs."""
    assert make_profile(ProfileName.GPU_2X80, None, 8001).arguments() == [
        "--model", "mistralai/Mixtral-8x7B-Instruct-v0.1", "--served-model-name", "base", "--host", "127.0.0.1", "--port", "8001",
        "--tensor-parallel-size", "2", "--dtype", "bfloat16", "--max-model-len", "32768", "--max-num-seqs", "64",
        "--gpu-memory-utilization", "0.9", "--max-loras", "4", "--max-lora-rank", "64", "--max-cpu-loras", "8", *ENDS, *COMMON,
    ]  # fmt: skip


def test_a_cpu(tmp_path: Path) -> None:
    """The small model with the model's own context length, small cache blocks, in one engine process, and no hub."""
    profile = replace(make_profile(ProfileName.CPU, tmp_path, 8002), dtype="float32")
    assert profile.arguments() == [
        "--model", str(tmp_path), "--served-model-name", "base", "--host", "127.0.0.1", "--port", "8002",
        "--tensor-parallel-size", "1", "--dtype", "float32", "--max-num-seqs", "32", "--block-size", "32",
        "--max-loras", "2", "--max-lora-rank", "16", "--max-cpu-loras", "8", *ENDS, *COMMON, "--distributed-executor-backend", "uni",
    ]  # fmt: skip
    environment = profile.environment()
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert environment[FORK] == "1"
    assert "VLLM_CPU_OMP_THREADS_BIND" not in environment


def test_a_cpu_split_over_two_cores(tmp_path: Path) -> None:
    """Two workers get a core each, and are neither forked nor in one process."""
    profile = make_profile(ProfileName.CPU, tmp_path, 8002, tensor_parallel=2)
    assert "--distributed-executor-backend" not in profile.arguments()
    assert FORK not in profile.environment()
    assert profile.environment()["VLLM_CPU_OMP_THREADS_BIND"].count("|") == 1


def test_gpu_environments_have_nothing_of_the_cpu() -> None:
    """On GPUs runtime loading is allowed, usage statistics are off, and the hub may be asked."""
    environment = make_profile(ProfileName.GPU_2X80, None, 8000).environment()
    assert environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"
    assert environment["VLLM_NO_USAGE_STATS"] == "1"
    assert environment["VLLM_LOGGING_LEVEL"] == "INFO"
    assert not [name for name in environment if "CPU" in name or "OFFLINE" in name]


def test_the_key_is_no_argument() -> None:
    """The API key goes through the environment, and isn't in the profile's printed form either."""
    profile = ServeProfile(model="m", port=1, api_key="hush")
    assert profile.environment()["VLLM_API_KEY"] == "hush"
    assert "hush" not in " ".join(profile.arguments()) + repr(profile)


def test_extra_arguments_come_last() -> None:
    """What the operator adds wins over the profile."""
    assert ServeProfile(model="m", port=1, extra=("--max-num-seqs", "4")).arguments()[-2:] == ["--max-num-seqs", "4"]


def test_tensor_parallel_is_a_setting() -> None:
    """The size replaces the profile's own."""
    assert make_profile(ProfileName.GPU_2X24, "m", 1, tensor_parallel=4).tensor_parallel == 4


def test_a_rank_vllm_would_refuse() -> None:
    """A maximal rank that vLLM doesn't take is refused at once, with those it takes."""
    with pytest.raises(ValueError, match="vLLM takes one of 1, 8, 16"):
        ServeProfile(model="m", port=1, max_lora_rank=24)


def test_the_cpu_profile_needs_a_model() -> None:
    """No model of its own is big enough to name for a CPU."""
    with pytest.raises(ValueError, match="needs a model"):
        make_profile(ProfileName.CPU, None, 1)


def test_a_hub_id_may_be_downloaded() -> None:
    """On a CPU too, a model that is not a directory comes from the hub."""
    assert not cpu_profile("org/model", 1).offline


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1/v1"),
        ("0.0.0.0", "http://127.0.0.1:1/v1"),  # noqa: S104  # nothing is bound
        ("gpu-1", "http://gpu-1:1/v1"),
    ],
)
def test_the_url_clients_use(host: str, url: str) -> None:
    """A server that listens everywhere is reached on this machine."""
    assert ServeProfile(model="m", port=1, host=host).url == url


@pytest.mark.parametrize(("flags", "dtype"), [("avx2", "float32"), ("avx512f avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16")])
def test_the_number_type_follows_the_processor(tmp_path: Path, flags: str, dtype: str) -> None:
    """bfloat16 where the processor computes in it, else float32."""
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    assert cpu_dtype(tmp_path / "cpuinfo") == dtype
    assert cpu_dtype(tmp_path / "missing") == "float32"


@pytest.mark.parametrize(
    ("cores", "workers", "bound"), [([0, 1], 2, "0|1"), ([0, 1, 2, 3, 4], 2, "0,1|2,3"), ([3], 2, "3|3"), ([0, 1, 2], 1, "0,1,2")]
)
def test_cores_are_shared_out(cores: list[int], workers: int, bound: str) -> None:
    """Each worker has cores of its own while there are enough."""
    assert bind_cores(cores, workers) == bound
