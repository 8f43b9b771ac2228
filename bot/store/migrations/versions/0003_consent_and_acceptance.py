"""consent, rosters, accepted answers, deleted cases; which revision a turn made"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables, and links turns with the revisions that they made."""
    op.create_table(
        "consent",
        sa.Column("serial", SERIAL, autoincrement=True, nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sealed_given_by", sa.LargeBinary(), nullable=True),
        sa.Column("given_on", sa.Date(), nullable=True),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"]),
        sa.PrimaryKeyConstraint("serial"),
        sa.UniqueConstraint("case_id", "position"),
    )
    op.create_index("ix_consent_case_id", "consent", ["case_id"])
    op.create_table(
        "roster",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed_names", sa.LargeBinary(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"]),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "deleted_case",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "acceptance",
        sa.Column("serial", SERIAL, autoincrement=True, nullable=False),
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("revision_id", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"]),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"]),
        sa.PrimaryKeyConstraint("serial"),
        sa.UniqueConstraint("note_id", "revision_id"),
    )
    op.create_index("ix_acceptance_note_id", "acceptance", ["note_id"])
    with op.batch_alter_table("turn") as batch:
        batch.add_column(sa.Column("revision_id", sa.String(), nullable=True))
        batch.add_column(sa.Column("source", sa.String(), nullable=True))
    _link_turns(op.get_bind())


def downgrade() -> None:
    """Drops them."""
    with op.batch_alter_table("turn") as batch:
        batch.drop_column("source")
        batch.drop_column("revision_id")
    for table in ("acceptance", "deleted_case", "roster", "consent"):
        op.drop_table(table)


def _link_turns(connection: sa.Connection) -> None:
    """Turns of the time before: linked where each revision of a note has its turn, left alone where a reply was read anew."""
    turns: dict[str, list[tuple[int, str]]] = {}
    query = "SELECT note_id, serial, kind FROM turn WHERE kind IN ('answer', 'edited') ORDER BY case_id, position"
    for note_id, serial, kind in connection.execute(sa.text(query)):
        turns.setdefault(note_id, []).append((serial, "model" if kind == "answer" else "counselor"))
    revisions: dict[str, list[tuple[str, str]]] = {}
    for note_id, revision_id, origin in connection.execute(
        sa.text("SELECT note_id, id, author_origin FROM revision ORDER BY note_id, number")
    ):
        revisions.setdefault(note_id, []).append((revision_id, origin))
    for note_id, made in turns.items():
        if [origin for _, origin in made] == [origin for _, origin in revisions.get(note_id, [])]:
            for (serial, _), (revision_id, _) in zip(made, revisions[note_id], strict=True):
                link = sa.text("UPDATE turn SET revision_id = :revision WHERE serial = :serial")
                connection.execute(link, {"revision": revision_id, "serial": serial})
