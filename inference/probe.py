"""What an adapter computes, written down when it was evaluated and asked again before it goes into service.

vLLM answers 200 for a wrong directory, a stale cache or another base model, and then writes something else. So the log probabilities of a
few fixed, made-up texts are kept in the adapter's directory, with those of the bare base, and a server must compute the same ones.

How much they may differ: vLLM on the CPU gives the same bits, idle or under the load of 12 streams. Other kernels round otherwise: with
float32 in place of bfloat16 a token's log probability was off by a mean of 0.028 nats on the base and 0.031 with the demo adapter, while
that adapter itself is 0.92 from its base. So the base, asked at the same time, says how large rounding is on this server, and the adapter
may be off by as much as that explains.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from inference.errors import BadAdapter
from inference.likelihood import Likelihood
from inference.note import Kind, Language, NoteItem, dump_note
from inference.prompt import TurnKind, build_prompt, reported

FILE = "probe.json"
SAME_BASE = 0.1
"""The mean difference of a token's log probability, nats, up to which it is the same base: over three times what other kernels make."""
ROUNDING = 3.0
"""How many times as much as the base an adapter may be off: both are means over some 240 tokens, of rounding alike in size."""
FLOOR = 0.005
"""Nats that it may be off in any case, where the base happens to agree more closely."""
BUDGET = 1000

TEXTS = (
    (
        Language.ENGLISH,
        "Sleeps badly since the move, three weeks ago. Appetite is down.",
        ("The move and the poor sleep began together.", "Keep a fixed time to get up.", "What helped you sleep before?"),
    ),
    (
        Language.ENGLISH,
        "Argues with a colleague and has avoided the office since spring.",
        ("Avoiding the office keeps the quarrel alive.", "Plan one short talk with the colleague.", "What would you like to say first?"),
    ),
    (Language.CHINESE, "搬家三周以来睡不好，胃口也差。", ("环境变化与睡眠变差同时出现。", "每天固定起床时间。", "以前什么能帮助你入睡？")),
    (Language.CHINESE, "考试前心慌，躲着同学。", ("回避让紧张持续下去。", "先和一位同学见一次面。", "心慌时你会想到什么？")),
)
"""Descriptions and the notes that answer them; made up."""


@dataclass(frozen=True)
class Probe:
    """Log probabilities of all tokens of all texts, nats, by the adapter and by the bare base it was served on."""

    adapter: tuple[float, ...]
    base: tuple[float, ...]

    def to_json(self) -> str:
        """For the adapter's directory."""
        return json.dumps(asdict(self))


async def ask_probe(likelihood: Likelihood, adapter: str, base: str) -> Probe:
    """What the server computes now; `adapter` and `base` are names of its models.

    Raises:
        BadAdapter: numbers that are not finite.
        ModelUnavailable, ModelRefused.
    """
    texts = [await _tokens(likelihood, base, *text) for text in TEXTS]
    found = {name: [value for ids in texts for value in await likelihood.logprobs(name, ids)] for name in (adapter, base)}
    probe = Probe(tuple(found[adapter]), tuple(found[base]))
    if not all(map(isfinite, (*probe.adapter, *probe.base))):
        raise BadAdapter(f"{adapter} computes no finite probabilities")
    return probe


def read_probe(directory: Path) -> Probe | None:
    """What was written down for the adapter in `directory`; None where nothing was.

    Raises:
        BadAdapter: the file is damaged.
    """
    try:
        value = json.loads((directory / FILE).read_text())
        return Probe(tuple(map(float, value["adapter"])), tuple(map(float, value["base"])))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise BadAdapter(f"{FILE} is damaged") from None


def check_probe(name: str, expected: Probe, found: Probe) -> None:
    """Raises: BadAdapter when a server computes something else than what was written down."""
    rounding = difference(expected.base, found.base)
    if not rounding <= SAME_BASE:
        raise BadAdapter(f"the server has another base model, or other weights of it, than {name} was measured on")
    apart = difference(expected.adapter, found.adapter)
    if not apart <= FLOOR + ROUNDING * rounding:
        raise BadAdapter(f"{name} does not compute what it computed when it was measured (off by {apart:.3f} nats a token)")


def difference(one: Sequence[float], other: Sequence[float]) -> float:
    """The mean difference of two lists of numbers; infinite where they are not of the same tokens."""
    if len(one) != len(other) or not one:
        return float("inf")
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


async def _tokens(likelihood: Likelihood, base: str, language: Language, description: str, note: Sequence[str]) -> tuple[int, ...]:
    """Prompt and note as the server's template puts them; an adapter has its base's tokenizer."""
    prompt = build_prompt([reported(TurnKind.DESCRIPTION, description, language)], language, BUDGET)
    items = [NoteItem(kind, text) for kind, text in zip(Kind, note, strict=True)]
    tokens = await likelihood.tokens(base, prompt.messages, dump_note(items))
    return (*tokens.prompt, *tokens.answer)
