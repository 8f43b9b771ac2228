"""Blocks and views, checked as Slack checks them. Limits are those of Slack's Block Kit reference, measured where it is silent."""

from deploy.sandbox.validate.message import checked_blocks
from deploy.sandbox.validate.view import checked_view

__all__ = ["checked_blocks", "checked_view"]
