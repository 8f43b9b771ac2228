"""Safety cards as rows: categories and state in plain words, because nothing of a case stands in them."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.safety_card import FoundIn, SafetyCard, Seen
from bot.store.tables import SafetyCardRow, SafetyCardSeenRow
from inference.screening import Danger

_SEPARATOR = " "


async def add(session: AsyncSession, card: SafetyCard) -> None:
    """A new card, seen by nobody."""
    session.add(
        SafetyCardRow(
            id=card.id,
            case_id=card.case_id,
            note_id=card.note_id,
            source=card.source,
            found_in=card.found_in,
            dangers=_SEPARATOR.join(card.dangers),
            past=_SEPARATOR.join(card.past),
            raised_at=card.raised_at,
        )
    )
    await session.flush()


async def add_seen(session: AsyncSession, card_id: str, seen: Seen) -> None:
    """One more person who has seen a card; the first time counts."""
    if await session.get(SafetyCardSeenRow, (card_id, seen.user_id)) is None:
        session.add(SafetyCardSeenRow(card_id=card_id, user_id=seen.user_id, at=seen.at))
        await session.flush()


async def named(session: AsyncSession, card_id: str) -> SafetyCard | None:
    """A card by its id."""
    row = await session.get(SafetyCardRow, card_id)
    return await _card(session, row) if row else None


async def of_note(session: AsyncSession, note_id: str) -> Sequence[SafetyCard]:
    """A note's cards, oldest first."""
    order = col(SafetyCardRow.raised_at), col(SafetyCardRow.id)
    rows = await session.exec(select(SafetyCardRow).where(SafetyCardRow.note_id == note_id).order_by(*order))
    return [await _card(session, row) for row in rows.all()]


async def of_case(session: AsyncSession, case_id: str) -> Sequence[SafetyCard]:
    """A case's cards, oldest first."""
    order = col(SafetyCardRow.raised_at), col(SafetyCardRow.id)
    rows = await session.exec(select(SafetyCardRow).where(SafetyCardRow.case_id == case_id).order_by(*order))
    return [await _card(session, row) for row in rows.all()]


async def unseen(session: AsyncSession, case_id: str) -> Sequence[SafetyCard]:
    """A case's cards that nobody has seen, oldest first."""
    seen = select(SafetyCardSeenRow.card_id).where(SafetyCardSeenRow.card_id == SafetyCardRow.id)
    wanted = SafetyCardRow.case_id == case_id, ~seen.exists()
    rows = await session.exec(select(SafetyCardRow).where(*wanted).order_by(col(SafetyCardRow.raised_at), col(SafetyCardRow.id)))
    return [_from(row, ()) for row in rows.all()]


async def count_unseen(session: AsyncSession, case_ids: Collection[str]) -> Mapping[str, int]:
    """How many cards of each of these cases nobody has seen."""
    seen = select(SafetyCardSeenRow.card_id).where(SafetyCardSeenRow.card_id == SafetyCardRow.id)
    query = select(SafetyCardRow.case_id, func.count()).where(col(SafetyCardRow.case_id).in_(case_ids), ~seen.exists())
    return dict((await session.exec(query.group_by(col(SafetyCardRow.case_id)))).all())


async def _card(session: AsyncSession, row: SafetyCardRow) -> SafetyCard:
    order = col(SafetyCardSeenRow.at), col(SafetyCardSeenRow.user_id)
    seen = await session.exec(select(SafetyCardSeenRow).where(SafetyCardSeenRow.card_id == row.id).order_by(*order))
    return _from(row, tuple(Seen(each.user_id, each.at) for each in seen))


def _from(row: SafetyCardRow, seen: tuple[Seen, ...]) -> SafetyCard:
    return SafetyCard(
        id=row.id,
        case_id=row.case_id,
        note_id=row.note_id,
        source=row.source,
        found_in=FoundIn(row.found_in),
        dangers=_dangers(row.dangers),
        past=_dangers(row.past),
        raised_at=row.raised_at,
        seen=seen,
    )


def _dangers(text: str) -> tuple[Danger, ...]:
    return tuple(map(Danger, text.split(_SEPARATOR))) if text else ()
