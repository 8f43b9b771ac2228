"""Channels to which Slack gives another id, as it does when a channel goes to another workspace of an organization.

Cases and inbox rows are found by their channel. So a move changes both in one transaction, in the old channel's queue, when everything
before it is done; the new channel's queue waits for it.
"""

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.keys import INBOX_KEY, data_key
from bot.store.tables import CaseRow, InboxRow, MovedChannelRow
from bot.store.vault import seal, unseal
from bot.workflow.incoming import Incoming, Stage, incoming_adapter, moved_key

UNFINISHED = tuple(stage for stage in Stage if not stage.is_final)


async def awaits_move(session: AsyncSession, channel_id: str) -> bool:
    """Whether a channel got its id just now, and its case is not there yet."""
    query = select(InboxRow.id).where(InboxRow.key == moved_key(channel_id), col(InboxRow.stage).in_(UNFINISHED))
    return (await session.exec(query)).first() is not None


async def under_new_id(session: AsyncSession, act: Incoming) -> Incoming:
    """The act; where it names a channel by an id from before a move, under the new one."""
    moved = await session.get(MovedChannelRow, act.channel_id)
    return act.model_copy(update={"channel_id": moved.new_channel_id}) if moved else act


async def move_channel(session: AsyncSession, master_key: bytes, team_id: str, old_id: str, new_id: str) -> None:
    """The case of a channel, and all that is in its inbox, under the new id."""
    case = (await session.exec(select(CaseRow).where(CaseRow.team_id == team_id, CaseRow.channel_id == old_id))).first()
    if case:
        case.channel_id = new_id
        session.add(case)
    key = await data_key(session, master_key, INBOX_KEY)
    for row in (await session.exec(select(InboxRow).where(InboxRow.team_id == team_id, InboxRow.channel_id == old_id))).all():
        name = row.key.replace(f":{old_id}:", f":{new_id}:")
        if name != row.key:  # delivered under both ids: the first delivery counts
            await session.exec(delete(InboxRow).where(col(InboxRow.key) == name))
        _move(row, key, name, new_id)
        session.add(row)
    for moved in (await session.exec(select(MovedChannelRow).where(MovedChannelRow.new_channel_id == old_id))).all():
        moved.new_channel_id = new_id
        session.add(moved)
    await session.merge(MovedChannelRow(old_channel_id=old_id, new_channel_id=new_id))
    await session.flush()


def _move(row: InboxRow, key: bytes, name: str, new_id: str) -> None:
    """The row under the new id and by its new name, to which what it seals is bound."""
    if row.sealed_act is not None:
        act = incoming_adapter.validate_json(unseal(key, row.sealed_act, f"inbox:{row.key}"))
        moved = act.model_copy(update={"channel_id": new_id})
        row.sealed_act = seal(key, moved.model_dump_json(), f"inbox:{name}")
    row.key, row.channel_id = name, new_id
