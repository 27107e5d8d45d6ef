"""Resets take effect at a sequence number, and no longer at a time.

The ids of the runs that there are, their starts in microseconds, are their sequence numbers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `reset.since`, which is the time of a reset that there is."""
    op.add_column("reset", sa.Column("since", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE reset SET since = at")
