"""The digest of a long case: what counselors see of it, and how they correct it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.case import Case
from bot.domain.errors import DigestOutOfDate
from bot.workflow.drafting import Drafting
from bot.workflow.incoming import DigestCorrected, Stage
from bot.workflow.ports import Clock, Store, Work
from inference.note import Language
from inference.prompt import Turn, TurnKind, reported


@dataclass(frozen=True)
class Digest:
    """What the model is told of the sessions that no longer fit: the first `upto` turns. No lines and 0 while everything fits."""

    case: Case
    upto: int
    lines: tuple[str, ...]


class Digests:
    """Reads and corrects digests."""

    def __init__(self, store: Store, drafting: Drafting, clock: Clock) -> None:
        self._store, self._drafting, self._clock = store, drafting, clock

    async def of(self, team_id: str, channel_id: str) -> Digest | None:
        """The digest as the next prompt will hold it; None where the channel has no case."""
        async with self._store.begin() as uow:
            case = await uow.case_of(team_id, channel_id)
            turns = await uow.turns(case.id) if case else ()
            corrections = await uow.corrections(case.id) if case else ()
        if case is None:
            return None
        left = await self._drafting.what_left(with_next(turns, case.language), case.language, corrections)
        return Digest(case, left.upto, left.digest)

    async def correct(self, work: Work, act: DigestCorrected) -> Work:
        """The lines stand for what the digest stood for when the form was opened.

        Raises:
            DigestOutOfDate: more has left the prompt meanwhile, or a description was deleted: the person did not see what is told now.
        """
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            turns = await uow.turns(case.id) if case and case.id == act.case_id else ()
            if case is None or len(turns) < act.upto or not act.upto:
                raise DigestOutOfDate
            await uow.add_correction(case.id, act.upto, act.lines, act.user_id, self._clock())
            return await uow.advance(work, Stage.ANSWERED)


def with_next(turns: Sequence[Turn], language: Language) -> Sequence[Turn]:
    """The turns with a small report after them, as the next prompt may have them."""
    return [*turns, reported(TurnKind.INFORMATION, "…", language)] if turns else ()
