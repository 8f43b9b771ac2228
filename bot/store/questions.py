"""Questions to ask: found in each new revision of an answer, named by a keyed hash, ticked off by counselors.

Their texts stand in the revisions alone. What is kept here beside them lets counts over all cases be taken without opening any text.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from bot.domain.note import Revision
from bot.domain.questions import Outcome, Question, Ticked, Wording, known_as, plain_form
from bot.store.tables import QuestionRow, RevisionRow, TickedRow
from bot.store.vault import unseal
from inference.note import Kind

_Rows = Select[QuestionRow, RevisionRow]

COMPARED = 100
"""With so many of a case's newest questions a new one is compared loosely; with all of them, word for word."""


async def follow_revision(session: AsyncSession, key: bytes, case_id: str, note_id: str, revision: Revision) -> None:
    """The questions of an answer's newest revision stand from now on; those that it leaves out don't."""
    asked = [(place, item.text) for place, item in enumerate(revision.items) if item.kind is Kind.QUESTION]
    rows = {row.name: row for row in await session.exec(select(QuestionRow).where(QuestionRow.note_id == note_id))}
    if not asked and not rows:
        return
    names = await _names(session, key, case_id, [text for _, text in asked])
    for row in rows.values():
        row.stands = False
    for (place, _), name in zip(asked, names, strict=True):
        row = rows.setdefault(name, QuestionRow(case_id=case_id, note_id=note_id, name=name, revision_id="", place=0, stands=False))
        if not row.stands:  # said twice in one note, it is one question: the first counts
            row.revision_id, row.place, row.stands = revision.id, place, True
    session.add_all(rows.values())
    await session.flush()


async def open_questions(session: AsyncSession, key: bytes, case_id: str) -> Sequence[Question]:
    """A case's open questions, those asked last first."""
    ticked = select(TickedRow.name).where(TickedRow.case_id == case_id)
    query = _rows().where(QuestionRow.case_id == case_id, col(QuestionRow.stands), col(QuestionRow.name).not_in(ticked))
    return await _read(session, key, query, {})


async def ticked_questions(session: AsyncSession, key: bytes, case_id: str, most: int) -> Sequence[Question]:
    """A case's questions that were ticked off last, the newest first."""
    newest = select(TickedRow).where(TickedRow.case_id == case_id).order_by(col(TickedRow.at).desc()).limit(most)
    ticked = {row.name: Ticked(Outcome(row.outcome), row.user_id, row.at) for row in await session.exec(newest)}
    query = _rows().where(QuestionRow.case_id == case_id, col(QuestionRow.name).in_(list(ticked)))
    found = await _read(session, key, query, ticked) if ticked else []
    order = list(ticked)
    return sorted(found, key=lambda question: order.index(question.name))


async def tick_question(session: AsyncSession, case_id: str, name: str, ticked: Ticked | None) -> None:
    """Ticks a question off, or, with None, opens it again; a name that no question of the case has is passed over."""
    await session.exec(delete(TickedRow).where(col(TickedRow.case_id) == case_id, col(TickedRow.name) == name))
    known = select(QuestionRow.serial).where(QuestionRow.case_id == case_id, QuestionRow.name == name).limit(1)
    if ticked and (await session.exec(known)).first() is not None:
        session.add(TickedRow(case_id=case_id, name=name, outcome=ticked.outcome, user_id=ticked.user_id, at=ticked.at))
    await session.flush()


async def count_open(session: AsyncSession, case_ids: Iterable[str]) -> Mapping[str, int]:
    """How many questions are open, by case; cases without any are missing."""
    standing = select(RevisionRow.id).where(RevisionRow.id == QuestionRow.revision_id).exists()
    ticked = select(TickedRow.name).where(TickedRow.case_id == QuestionRow.case_id, TickedRow.name == QuestionRow.name).exists()
    query = (
        select(QuestionRow.case_id, func.count(func.distinct(QuestionRow.name)))
        .where(col(QuestionRow.case_id).in_(list(case_ids)), col(QuestionRow.stands), standing, ~ticked)
        .group_by(col(QuestionRow.case_id))
    )
    return dict((await session.exec(query)).all())


def _rows() -> _Rows:
    joined = select(QuestionRow, RevisionRow).join(RevisionRow, col(RevisionRow.id) == col(QuestionRow.revision_id))
    return joined.order_by(col(RevisionRow.created_at).desc(), col(QuestionRow.place), col(QuestionRow.serial))


async def _read(session: AsyncSession, key: bytes, query: _Rows, ticked: Mapping[str, Ticked]) -> Sequence[Question]:
    """Each question once, where it was asked last."""
    texts: dict[str, list[str]] = {}
    found: dict[str, Question] = {}
    for row, revision in (await session.exec(query)).all():
        if revision.id not in texts:
            texts[revision.id] = _texts(key, revision)
        text = texts[revision.id][row.place]
        found.setdefault(row.name, Question(row.name, text, revision.created_at, ticked.get(row.name)))
    return list(found.values())


async def _names(session: AsyncSession, key: bytes, case_id: str, asked: Sequence[str]) -> Sequence[str]:
    """The name of each text: that of a question which says the same, else a new one."""
    hashes = [_hash(key, text) for text in asked]
    rows = await session.exec(select(QuestionRow.name).where(QuestionRow.case_id == case_id, col(QuestionRow.name).in_(hashes)))
    known = set(rows)
    recent: dict[str, Wording] | None = None
    names = []
    for text, own in zip(asked, hashes, strict=True):
        if own in known:
            names.append(own)
            continue
        if recent is None:
            newest = await _read(session, key, _rows().where(QuestionRow.case_id == case_id).limit(COMPARED), {})
            recent = {question.name: Wording.of(question.text) for question in newest}
        wording = Wording.of(text)
        name = known_as(wording, recent) or own
        recent.setdefault(name, wording)
        names.append(name)
    return names


def _texts(key: bytes, revision: RevisionRow) -> list[str]:
    return [text for _, text, *_ in json.loads(unseal(key, revision.sealed_items, f"revision:{revision.id}"))]


def _hash(key: bytes, text: str) -> str:
    return hmac.new(key, b"question:" + plain_form(text).encode(), hashlib.sha256).hexdigest()[:32]
