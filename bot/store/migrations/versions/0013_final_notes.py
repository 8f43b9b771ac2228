"""formats of final notes, addenda, co-signatures, and more about approvals"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Makes the three tables, and room in approvals."""
    op.create_table(
        "note_format",
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"]),
        sa.PrimaryKeyConstraint("note_id"),
    )
    op.create_table(
        "addendum",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("note_id", "number"),
    )
    op.create_index("ix_addendum_note_id", "addendum", ["note_id"])
    op.create_table(
        "cosignature",
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"]),
        sa.PrimaryKeyConstraint("note_id"),
    )
    with op.batch_alter_table("approval") as batch:
        batch.add_column(sa.Column("role", sa.String(), nullable=True))
        batch.add_column(sa.Column("sealed_name", sa.LargeBinary(), nullable=True))
        batch.add_column(sa.Column("adapter", sa.String(), nullable=True))


def downgrade() -> None:
    """Drops them."""
    with op.batch_alter_table("approval") as batch:
        for column in ("adapter", "sealed_name", "role"):
            batch.drop_column(column)
    for table in ("cosignature", "addendum", "note_format"):
        op.drop_table(table)
