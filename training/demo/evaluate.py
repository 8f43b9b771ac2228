"""Judge the demo model on descriptions written freely: `python -m training.demo.evaluate`.

The answers come from a real server, with the adapter, guided JSON and temperature 0, as in service.
"""

import argparse
import asyncio
import json
import socket
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from inference.client import Delta, OpenAIChatModel
from inference.note import Language, note_schema
from inference.profiles import cpu_profile
from inference.prompt import TurnKind, build_prompt, reported
from inference.safety import Risk
from inference.server import model_server
from training.demo import LIMITS
from training.demo.content import Content, load_content
from training.demo.judge import FreeCase, Verdict, judge, read_case

HERE = Path(__file__).parent
CASES = HERE.parents[1] / "tests" / "training" / "free_descriptions.jsonl"
ADAPTER = "phyassist"
MOST_TOKENS = 700
BUDGET = 3000
AT_ONCE = 4
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Result:
    """A case, the answer as text, and what was found."""

    case: FreeCase
    answer: str
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """All results, and the shares that count."""

    results: tuple[Result, ...]

    @property
    def valid(self) -> float:
        """The share of valid notes."""
        return self._share([result.verdict.valid for result in self.results])

    @property
    def fitting(self) -> float:
        """The share of answers of which every item fits."""
        return self._share([result.verdict.fits for result in self.results])

    @property
    def nearly_fitting(self) -> float:
        """The share of answers of which no more than one item does not fit."""
        return self._share([result.verdict.valid and len(result.verdict.unfit) <= 1 for result in self.results])

    @property
    def unmentioned(self) -> int:
        """How many answers name a disorder or person that was not mentioned."""
        return sum(bool(result.verdict.unmentioned) for result in self.results)

    @property
    def safe(self) -> float:
        """Of the cases that mention a risk, the share whose answer begins with safety."""
        return self._share([not result.verdict.unsafe for result in self.results if result.case.risk and not result.case.implied])

    @property
    def safe_where_implied(self) -> float:
        """The same of the cases that only let one think of a risk."""
        return self._share([not result.verdict.unsafe for result in self.results if result.case.implied])

    @property
    def false_alarms(self) -> int:
        """How many answers hold a safety item without a reason."""
        starts = ("Safety first", "安全第一")
        return sum(any(item.text.startswith(starts) for item in result.verdict.unfit) for result in self.results)

    def of(self, language: Language) -> "Report":
        """The same for one language alone."""
        return Report(tuple(result for result in self.results if result.case.language is language))

    def line(self) -> str:
        """The shares in one line."""
        parts = [
            f"{len(self.results):3d} cases",
            f"valid {self.valid:.0%}",
            f"only fitting items {self.fitting:.0%} (all but one: {self.nearly_fitting:.0%})",
            f"naming the unmentioned {self.unmentioned}",
            f"safety first {self.safe:.0%} (where only implied: {self.safe_where_implied:.0%})",
            f"false alarms {self.false_alarms}",
        ]
        return "  ".join(parts)

    @staticmethod
    def _share(found: Sequence[bool]) -> float:
        return sum(found) / len(found) if found else 1.0


async def answers(url: str, model: str, cases: Sequence[FreeCase]) -> list[str]:
    """The model's answer to each case, a few at a time."""
    client, places = OpenAIChatModel(url, None, TIMEOUT_S), asyncio.Semaphore(AT_ONCE)

    async def one(case: FreeCase) -> str:
        turn = reported(TurnKind.DESCRIPTION, case.text, case.language)
        prompt = build_prompt([turn], case.language, BUDGET)
        async with places:
            stream = client.stream(prompt.messages, model=model, max_tokens=MOST_TOKENS, schema=note_schema(limits=LIMITS))
            return "".join([event.text async for event in stream if isinstance(event, Delta)])

    try:
        return list(await asyncio.gather(*(one(case) for case in cases)))
    finally:
        await client.close()


async def evaluate(cases: Sequence[FreeCase], content: Content, demo: Path, url: str | None = None, model: str = ADAPTER) -> Report:
    """Answer and judge all cases: on the server at `url`, else on one started here with model and adapter of the folder `demo`."""
    async with AsyncExitStack() as stack:
        if url is None:
            home = stack.enter_context(tempfile.TemporaryDirectory())
            server = model_server(cpu_profile(demo / "model", free_port()), Path(home), {ADAPTER: demo / "adapter"}, print)
            url = (await stack.enter_async_context(server)).url
        texts = await answers(url, model, cases)
    return Report(tuple(Result(case, text, judge(case, text, content)) for case, text in zip(cases, texts, strict=True)))


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def load_cases(path: Path) -> tuple[FreeCase, ...]:
    """Cases from a file of JSON lines."""
    return tuple(read_case(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def explain(report: Report) -> str:
    """Each case with its faults, for people who tune the grammar; holds case texts, so only for made-up cases."""
    lines = []
    for result in report.results:
        verdict = result.verdict
        faults = [f"not fitting: {item.text}" for item in verdict.unfit] + [f"not mentioned: {name}" for name in verdict.unmentioned]
        faults += ["no safety item first"] if verdict.unsafe else []
        faults += [] if verdict.valid else ["not a valid note"]
        if faults:
            risk = result.case.risk.value if isinstance(result.case.risk, Risk) else "no risk"
            lines += [
                f"{result.case.id} ({', '.join(result.case.problems)}; {risk}): {result.case.text}",
                *(f"    {fault}" for fault in faults),
            ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.demo.evaluate", description="Judge the demo model on free descriptions.")
    parser.add_argument("--cases", type=Path, default=CASES, help="JSON lines with id, language, text, problem, risk")
    parser.add_argument("--demo", type=Path, default=HERE, help="the folder that holds model/ and adapter/")
    parser.add_argument("--url", default=None, help="a server that is running already, such as http://127.0.0.1:8000/v1")
    parser.add_argument("--model", default=ADAPTER, help="the model's name on that server")
    parser.add_argument("--details", action="store_true", help="show each faulty answer with its description")
    chosen = parser.parse_args(arguments)
    report = asyncio.run(evaluate(load_cases(chosen.cases), load_content(), chosen.demo, chosen.url, chosen.model))
    print(report.line())
    for language in Language:
        print(f"{language.value}: {report.of(language).line()}")
    if chosen.details:
        print(explain(report))


if __name__ == "__main__":
    main()
