"""What a person reads when they ask how a case stands, or how the model does: looked up at once, without waiting in the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.questions import Question
from bot.workflow.desk import ready_soon
from bot.workflow.learning import Learning
from bot.workflow.overview import CaseOverview, Draft
from bot.workflow.ports import Store
from inference.client import ChatModel


class ModelState(StrEnum):
    """Whether posts are answered now."""

    READY = "ready"
    AWAY = "away"
    LEARNING = "learning"


@dataclass(frozen=True)
class ModelNow:
    """The model's state, and, while it learns, about until when; None where nobody can say."""

    state: ModelState
    until: datetime | None = None


@dataclass(frozen=True)
class Status:
    """How a case stands: what waits in it, its drafts, its open questions (those asked last first), and how many answers nobody
    accepted as they stand now."""

    overview: CaseOverview
    drafts: Sequence[Draft]
    questions: Sequence[Question]
    unaccepted: int


async def status_of(store: Store, team_id: str, channel_id: str) -> Status | None:
    """The status of a channel's case; None where it has none."""
    async with store.begin() as uow:
        overviews = await uow.overviews(team_id, [channel_id])
        if not overviews:
            return None
        case_id = overviews[0].case.id
        return Status(overviews[0], await uow.drafts(case_id), await uow.open_questions(case_id), await uow.count_unaccepted(case_id))


async def model_now(model: ChatModel, learning: Learning | None) -> ModelNow:
    """Whether posts are answered now."""
    if learning and learning.wanted:
        return ModelNow(ModelState.LEARNING, learning.until)
    return ModelNow(ModelState.READY if await ready_soon(model) else ModelState.AWAY)
