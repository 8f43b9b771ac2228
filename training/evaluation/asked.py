"""The model that is measured: a folder with adapters on it, in this process, or a name on a server."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.evaluation.source import Decoding, Source
from training.workbench.config import Dtype, Quantise
from training.workbench.places import adapter_folder, fingerprint, model_folder


@dataclass(frozen=True)
class Asked:
    """A model and how it is asked. With a `url`, `model` is the name of a model or adapter there."""

    model: str
    adapters: tuple[str, ...] = ()
    decoding: Decoding = field(default_factory=Decoding)
    batch: int = 8
    """Questions at once."""
    quantise: Quantise = Quantise.NONE
    dtype: Dtype = Dtype.BF16
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)

    def source(self) -> Source:
        """The model, loaded or reachable. Raises: WorkbenchError."""
        if self.url:
            from training.evaluation.served import ServedSource

            return ServedSource(self.url, self.model, self.decoding, self.batch, self.api_key)
        from training.evaluation.generate import LocalSource
        from training.workbench.models import end_tokens, load_model, load_tokenizer

        tokenizer = load_tokenizer(self.model)
        model = load_model(self.model, self.adapters, self.quantise, self.dtype)
        return LocalSource(model, tokenizer, end_tokens(self.model, tokenizer), self.decoding, self.batch)

    def made(self) -> dict[str, Any]:
        """What was measured and how, as JSON values: names, fingerprints of weights, settings. Raises: WorkbenchError."""
        if self.url:
            return {"model": self.model, "url": self.url, "decoding": self.decoding.about()}
        return {**self.weights(), "decoding": self.decoding.about(), "batch": self.batch}

    def weights(self) -> dict[str, Any]:
        """Which weights are measured, and how they are held. Raises: WorkbenchError."""
        return {
            "model": Path(self.model).name,
            "model_sha256": fingerprint(model_folder(self.model)),
            "adapters": [Path(path).name for path in self.adapters],
            "adapters_sha256": [fingerprint(adapter_folder(path)) for path in self.adapters],
            "quantise": str(self.quantise),
            "dtype": str(self.dtype),
        }
