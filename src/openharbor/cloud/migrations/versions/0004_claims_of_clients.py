"""Which claims a client may ask for beyond those that everybody gets.

Written out, not taken from `cloud.tables`: a revision never changes once it was released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("clients", sa.Column("claims", sa.Text(), nullable=False, server_default="[]"))
