"""Errors of the store. Workflows know `SealBroken` as `StaysSealed`, by which they leave one case out and go on with the others.

StoreError
├── KeyFileUnusable      the master key file is missing, readable by others, or damaged
├── SealBroken           an encrypted value does not open
├── TakenOver            another instance of the bot went on with an act, or its case was deleted
└── SchemaOutOfDate      the database needs `phyassist db upgrade`
"""

from bot.workflow.ports import StaysSealed


class StoreError(Exception):
    """Base of all; messages never hold case text."""


class KeyFileUnusable(StoreError):
    """The master key file is readable by others, or damaged."""


class SealBroken(StoreError, StaysSealed):
    """An encrypted value does not open."""


class SchemaOutOfDate(StoreError):
    """The database was made by another version of PhyAssist."""


class TakenOver(StoreError):
    """Another instance of the bot went on with an act, or its case was deleted; this one's work on it is void."""
