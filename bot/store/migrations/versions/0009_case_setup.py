"""what a case is set up with, whether it is suspended or closed and since when; channels under another id"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Adds the columns, with what holds for cases from before, and the table; codes that came twice are told apart."""
    with op.batch_alter_table("case") as batch:
        batch.add_column(sa.Column("opened_by", sa.String(), nullable=True))
        batch.add_column(sa.Column("note_format", sa.String(), nullable=False, server_default="itemized"))
        batch.add_column(sa.Column("language_settled", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch.add_column(sa.Column("welcomed", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch.add_column(sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("suspended_for", sa.String(), nullable=True))
        batch.add_column(sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True))
    _tell_codes_apart(op.get_bind())
    op.create_index("case_code", "case", ["team_id", "code"], unique=True)
    op.create_table(
        "moved_channel",
        sa.Column("old_channel_id", sa.String(), nullable=False),
        sa.Column("new_channel_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("old_channel_id"),
    )
    op.create_index("ix_moved_channel_new_channel_id", "moved_channel", ["new_channel_id"])


def downgrade() -> None:
    """Drops them."""
    op.drop_table("moved_channel")
    op.drop_index("case_code", "case")
    for column in ("suspended_at", "suspended_for", "closed_at", "welcomed", "language_settled", "note_format", "opened_by"):
        op.drop_column("case", column)


def _tell_codes_apart(connection: sa.Connection) -> None:
    """Six hexadecimal digits come twice in one of thirty teams with a thousand cases; the later case gets the rest of its id."""
    known: set[tuple[str, str]] = set()
    for case_id, team_id, code in connection.execute(sa.text('SELECT id, team_id, code FROM "case" ORDER BY opened_at, id')).all():
        if (team_id, code) in known:
            change = sa.text('UPDATE "case" SET code = :code WHERE id = :id')
            connection.execute(change, {"code": f"C-{case_id[:12].upper()}", "id": case_id})
        known.add((team_id, code))
