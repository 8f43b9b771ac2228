"""Loading and unloading adapters in a running server, without stopping its streams.

The order of a switch: check the directory (`adapters.check_adapter`), register it, `bring_in`, move the registry's pointer,
`unload` the old one. Each version has a name of its own, so the prefix cache never mixes two.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from inference.errors import BadAdapter, ModelRefused, ModelUnavailable, NoAdapterRoutes

CANARY = "Description:\nSleeps badly since the move, three weeks ago."
"""The text of the canary request; made up."""
CANARY_TOKENS = 12
NO_ROUTE = frozenset({httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED})
"""What servers answer where there is no such route; vLLM with its adapter routes answers 400 to a request that names nothing."""


class AdapterControl:
    """vLLM's adapter routes; they need `VLLM_ALLOW_RUNTIME_LORA_UPDATING`, which every profile sets."""

    def __init__(self, url: str, api_key: str | None, timeout_s: float = 60.0) -> None:
        """`url` as for the client, ending in `/v1`."""
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=timeout_s,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Nothing to open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def require_routes(self) -> None:
        """Ask for nothing, in vain, to see whether the server can load adapters while it runs.

        Raises:
            NoAdapterRoutes: it can't.
            ModelUnavailable: it doesn't answer.
        """
        response = await self._post("load_lora_adapter", {})
        if response.status_code in NO_ROUTE:
            raise NoAdapterRoutes("the model server can't load adapters while it runs; start it with `phyassist model serve`")

    async def bring_in(self, name: str, directory: Path) -> None:
        """Load a checked adapter and try it; afterwards `name` is a model name of the server. An adapter that fails is unloaded again.

        `directory` is absolute, because the server has a working directory of its own, and stays for as long as the adapter is loaded.

        Raises:
            BadAdapter: the server refused it, or it writes no sensible numbers.
            ModelUnavailable: the server doesn't answer.
        """
        response = await self._post("load_lora_adapter", {"lora_name": name, "lora_path": str(directory)})
        if not response.is_success:
            raise BadAdapter(f"the server refused {name} (HTTP {response.status_code})")
        try:
            await self.canary(name)
        except BadAdapter:
            await self.unload(name)
            raise

    async def unload(self, name: str) -> None:
        """Take an adapter out of the server; one that isn't there is no error. Raises: ModelUnavailable."""
        response = await self._post("unload_lora_adapter", {"lora_name": name})
        if not response.is_success and response.status_code != httpx.codes.NOT_FOUND:
            raise ModelUnavailable(f"the server did not unload {name} (HTTP {response.status_code})")

    async def canary(self, name: str) -> None:
        """One short real request to the model or adapter `name`.

        Raises:
            BadAdapter: no answer, or probabilities that are not numbers.
            ModelUnavailable: the server doesn't answer.
        """
        body = {
            "model": name,
            "messages": [{"role": "user", "content": CANARY}],
            "max_tokens": CANARY_TOKENS,
            "temperature": 0.0,
            "logprobs": True,
        }
        response = await self._post("chat/completions", body)
        if not response.is_success:
            raise BadAdapter(f"{name} does not answer (HTTP {response.status_code})")
        logprobs = _logprobs(response.json())
        if not logprobs or not all(math.isfinite(value) for value in logprobs):
            raise BadAdapter(f"{name} computes no finite probabilities")

    async def served(self) -> tuple[str, ...]:
        """All model names that the server answers to: its base, and the adapters. Raises: ModelUnavailable."""
        return tuple(card["id"] for card in await self._cards())

    async def loaded(self) -> dict[str, str]:
        """Names of the adapters, and the directory of each, as the server has them. Raises: ModelUnavailable."""
        return {card["id"]: str(card.get("root")) for card in await self._cards() if card.get("parent")}

    async def base(self) -> tuple[str, str]:
        """The base model's name on the server, and its directory or hub id.

        Raises:
            ModelUnavailable: the server doesn't answer.
            ModelRefused: it lists no model of its own.
        """
        for card in await self._cards():
            if not card.get("parent"):
                return card["id"], str(card.get("root") or card["id"])
        raise ModelRefused("the model server lists no base model")

    async def _cards(self) -> list[dict[str, Any]]:
        try:
            response = await self._http.get("models")
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise ModelUnavailable(f"the model server doesn't list its models ({type(error).__name__})") from error
        cards: list[dict[str, Any]] = response.json()["data"]
        return cards

    async def _post(self, route: str, body: Mapping[str, Any]) -> httpx.Response:
        try:
            return await self._http.post(route, json=body)
        except httpx.TransportError as error:
            raise ModelUnavailable(f"the model server doesn't answer ({type(error).__name__})") from error


def _logprobs(answer: Mapping[str, Any]) -> list[float]:
    """The log probability of each token that was written; NaN where the server sent none."""
    content = (answer["choices"][0].get("logprobs") or {}).get("content") or []
    return [float("nan") if token["logprob"] is None else float(token["logprob"]) for token in content]
