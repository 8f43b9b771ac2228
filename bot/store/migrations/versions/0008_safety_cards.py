"""safety cards, and who has seen them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Makes both tables."""
    op.create_table(
        "safety_card",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("found_in", sa.String(), nullable=False),
        sa.Column("dangers", sa.String(), nullable=False),
        sa.Column("past", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"]),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("note_id", "source"),
    )
    op.create_index("ix_safety_card_case_id", "safety_card", ["case_id"])
    op.create_index("ix_safety_card_note_id", "safety_card", ["note_id"])
    op.create_table(
        "safety_card_seen",
        sa.Column("card_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["safety_card.id"]),
        sa.PrimaryKeyConstraint("card_id", "user_id"),
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_table("safety_card_seen")
    op.drop_table("safety_card")
