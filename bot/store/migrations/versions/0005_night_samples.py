"""notes before and after, what admins said of them, and of the night"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Makes both tables, and room for a remark."""
    op.create_table(
        "night_sample",
        sa.Column("night", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("sealed_sample", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"]),
        sa.PrimaryKeyConstraint("night", "number"),
    )
    op.create_index("ix_night_sample_case_id", "night_sample", ["case_id"])
    op.create_table(
        "night_judgement",
        sa.Column("night", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("choice", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("night", "user_id", "number"),
    )
    with op.batch_alter_table("night_run") as batch:
        batch.add_column(sa.Column("remark", sa.String(), nullable=True))


def downgrade() -> None:
    """Drops them."""
    with op.batch_alter_table("night_run") as batch:
        batch.drop_column("remark")
    op.drop_table("night_judgement")
    op.drop_table("night_sample")
