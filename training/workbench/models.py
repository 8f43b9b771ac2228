"""Models and tokenizers, as everything in the workbench loads them: any causal model, quantised or not, with adapters on top of each other.

Adapters are merged into the base one after the other while its weights are still 16 bits wide; only then is it quantised. The reason: what
a new adapter learns on top of others must not depend on how those are held in memory, one adapter at a time is all that a server, the
Trainer and PEFT's files handle well, and merging into 4-bit weights loses up to a third of an adapter (DECISIONS.md).
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers.utils.logging import disable_progress_bar

from training.workbench.adapters import check_fits, check_same_base, with_deltas
from training.workbench.config import Dtype, Full, Lora, Method, Quantise
from training.workbench.config import Model as Settings
from training.workbench.errors import WorkbenchError
from training.workbench.places import adapter_folder, model_folder, tokenizer_folder
from training.workbench.quantised import check_bytes, quantise_in_place

DTYPES = {Dtype.BF16: torch.bfloat16, Dtype.FP32: torch.float32}
TEMPLATES = Path(__file__).with_name("templates")


def load_tokenizer(path: str | Path, chat_template: str | None = None, trust_remote_code: bool = False) -> Any:
    """The tokenizer of a model. Where it has no token for padding, the end-of-sequence token serves: what it is doesn't matter, since
    padded places are masked.

    Args:
        path: folder of a model, of an adapter saved with its tokenizer, or of a finished run, or a name on the hub.
        chat_template: a file, or the name of one in `templates`, in place of the tokenizer's own; saved along with it.

    Raises:
        WorkbenchError: it can't be read, or has no end-of-sequence token.
    """
    from transformers import AutoTokenizer

    folder = tokenizer_folder(path)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=trust_remote_code)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise WorkbenchError(f"the tokenizer of {folder.name} can't be read ({_first(error)})") from error
    if tokenizer.eos_token_id is None:
        raise WorkbenchError(f"the tokenizer of {folder.name} has no end-of-sequence token: set eos_token in its tokenizer_config.json")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if chat_template is not None:
        tokenizer.chat_template = _template(chat_template)
    return tokenizer


def load_model(
    path: str | Path,
    adapters: Sequence[str | Path] = (),
    quantise: Quantise = Quantise.NONE,
    dtype: Dtype = Dtype.BF16,
    attention: str = "auto",
    trust_remote_code: bool = False,
) -> Any:
    """A model to generate and measure with: frozen, in evaluation mode, on the GPU where there is one.

    All adapters but the last are merged; the last stays on top (a `PeftModel`), exactly as it was trained, and its `disable_adapter()`
    shows the model without it.

    Raises:
        WorkbenchError: the folder holds no causal model, an adapter belongs to another base, or the model does not fit.
    """
    settings = Settings(
        path=str(path),
        adapters=tuple(map(str, adapters[:-1])),
        quantise=quantise,
        dtype=dtype,
        attention=attention,
        trust_remote_code=trust_remote_code,
    )
    model = load_base(settings)
    if adapters:
        model = _on_top(model, adapter_folder(adapters[-1]), settings)
    if not hasattr(model, "hf_device_map"):
        model.to(device())
    model.requires_grad_(False)
    return model.eval()


def load_base(settings: Settings) -> Any:
    """The base of a training: frozen, with all its adapters merged, quantised if so asked; on the CPU unless it is quantised.

    Raises:
        WorkbenchError: as `load_model`.
    """
    folder = model_folder(settings.path)
    disable_progress_bar()  # only now, so that a model which is fetched from the hub shows how much has come
    adapters = [adapter_folder(path) for path in settings.adapters]
    for place, adapter in enumerate(adapters):
        check_same_base(adapter, folder, adapters[:place])
    if settings.quantise is Quantise.NF4 and _config(folder, settings).model_type == "mixtral":
        model = _quantised_mixtral(folder, adapters, settings)
    else:
        model = _causal_model(folder, settings)
        for adapter in adapters:
            model = _merged(model, adapter)
        if settings.quantise is Quantise.NF4:
            quantise_in_place(model, device())
            check_bytes(model)
    model.requires_grad_(False)
    model.config.use_cache = False
    return model


def make_trainable(model: Any, method: Method, seed: int, task: str = "CAUSAL_LM") -> Any:
    """The model with what is to be trained: a new adapter around it, or all its own parameters; float32, whatever the rest is.
    `task` is PEFT's name of what the model does; with SEQ_CLS its head is trained along with the adapter, and saved in it.

    Raises:
        WorkbenchError: none of the modules that are to be adapted is there.
    """
    if isinstance(method, Lora):
        model = _with_new_adapter(model, method, seed, task)
    elif isinstance(method, Full):
        model = model.float().requires_grad_(True)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.float()
    return model


def device() -> torch.device:
    """Where this process computes: its own GPU, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def end_tokens(model_path: str | Path, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer: the tokenizer's, and those of the model's generation settings, which may be several."""
    path = model_folder(model_path) / "generation_config.json"
    found = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id") if path.is_file() else None
    more = found if isinstance(found, list) else [] if found is None else [found]
    return frozenset({int(tokenizer.eos_token_id), *map(int, more)})


def _template(name: str) -> str:
    own = TEMPLATES / f"{name}.jinja"
    path = own if own.is_file() else Path(name)
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        named = ", ".join(sorted(one.stem for one in TEMPLATES.glob("*.jinja")))
        raise WorkbenchError(f"there is no chat template {name}: give a file, or one of {named}") from None


def _config(folder: Path, settings: Settings) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=settings.trust_remote_code)
    except (OSError, ValueError, KeyError) as error:
        raise WorkbenchError(f"the configuration of {folder.name} can't be read ({_first(error)})") from error


def _causal_model(folder: Path, settings: Settings) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        model, told = AutoModelForCausalLM.from_pretrained(
            str(folder),
            config=_config(folder, settings),
            dtype=DTYPES[settings.dtype],
            attn_implementation=None if settings.attention == "auto" else settings.attention,
            local_files_only=True,
            trust_remote_code=settings.trust_remote_code,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise WorkbenchError(f"{folder.name} can't be loaded as a causal model ({_first(error)})") from error
    missing = sorted(told["missing_keys"])
    if missing:
        raise WorkbenchError(
            f"the files of {folder.name} lack {missing[0]} and {len(missing) - 1} more: it is incomplete, or no causal model"
        )
    return model


def _quantised_mixtral(folder: Path, adapters: Sequence[Path], settings: Settings) -> Any:
    from transformers import MixtralConfig

    from training.qlora.base import files_of, load_quantised, places_for
    from training.qlora.recipe import Product

    config = MixtralConfig.from_pretrained(str(folder), local_files_only=True)
    source = with_deltas(files_of(folder), adapters)
    return load_quantised(config, source, places_for(config, None), DTYPES[settings.dtype], Product.LOOP)


def _merged(model: Any, adapter: Path) -> Any:
    from peft import PeftModel

    check_fits(model, adapter)
    return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload(safe_merge=True)


def _on_top(model: Any, adapter: Path, settings: Settings) -> Any:
    from peft import PeftModel

    check_same_base(adapter, model_folder(settings.path), [adapter_folder(path) for path in settings.adapters])
    check_fits(model, adapter)
    return PeftModel.from_pretrained(model, str(adapter))


def _with_new_adapter(model: Any, method: Lora, seed: int, task: str) -> Any:
    from peft import LoraConfig, get_peft_model

    modules = method.modules if isinstance(method.modules, str) else list(method.modules)
    config = LoraConfig(r=method.rank, lora_alpha=method.alpha, lora_dropout=method.dropout, target_modules=modules, task_type=task)
    torch.manual_seed(seed)
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        linear = sorted({name.rpartition(".")[2] for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)})
        raise WorkbenchError(f"method.modules names none of this model's layers: it has {', '.join(linear)}") from error


def _first(error: Exception) -> str:
    """The first line of what a library says."""
    return str(error).strip().split("\n")[0][:200] or type(error).__name__
