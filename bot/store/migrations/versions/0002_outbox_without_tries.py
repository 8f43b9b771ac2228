"""outbox without tries: a row of it means by itself that a post may have been tried"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Drops the mark."""
    with op.batch_alter_table("message") as batch:
        batch.drop_column("posting")


def downgrade() -> None:
    """Brings it back; set, since a search too many harms nobody."""
    with op.batch_alter_table("message") as batch:
        batch.add_column(sa.Column("posting", sa.Boolean(), nullable=False, server_default=sa.true()))
