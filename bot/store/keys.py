"""The data keys, one a case: wrapped by the master key, in rows of their own."""

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.errors import SealBroken
from bot.store.tables import KeyRow
from bot.store.vault import new_key, seal_bytes, unseal_bytes

INBOX_KEY = "inbox"
"""The key of acts whose case is not known yet."""


async def data_key(session: AsyncSession, master_key: bytes, key_id: str, *, create: bool = False) -> bytes:
    """The data key `key_id`, unwrapped.

    Raises:
        SealBroken: the key was destroyed, or is wrapped by another master key.
    """
    row = await session.get(KeyRow, key_id)
    if row is None and create:
        key = new_key()
        session.add(KeyRow(id=key_id, sealed_key=seal_bytes(master_key, key, f"data_key:{key_id}")))
        await session.flush()
        return key
    if row is None:
        raise SealBroken("the data key of this case was destroyed")
    return unseal_bytes(master_key, row.sealed_key, f"data_key:{key_id}")
