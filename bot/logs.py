"""Logs without case text.

Messages of third-party exceptions may quote what they failed on (a database row, a JSON body), so a traceback is logged as its
frames and types; only our own errors, which never hold case text, keep their words.
"""

import logging
import traceback
from types import TracebackType

_OUR_PACKAGES = ("bot.", "inference.", "training.", "deploy.")
_QUIET = ("slack_bolt", "slack_sdk", "aiohttp", "aiosqlite", "sqlalchemy", "httpx", "httpcore", "apscheduler", "asyncio", "alembic")
"""Libraries that print payloads, statements or headers below WARNING."""


class SafeFormatter(logging.Formatter):
    """Formats tracebacks without the messages of foreign exceptions, and messages without those exceptions' words."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        """Bolt and asyncio put an exception's words, or its repr, into the message itself: its type stands there instead."""
        error = record.exc_info[1] if record.exc_info else None
        while error is not None:
            for words in (repr(error), str(error)):
                if words and words != describe(error):
                    record.message = record.message.replace(words, describe(error))
            error = error.__cause__ or error.__context__
        return super().formatMessage(record)

    def formatException(  # noqa: N802 (logging's own name)
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Frames and types, outermost cause first."""
        error = ei[1]
        lines: list[str] = []
        while error is not None:
            frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)[-8:]))
            lines.insert(0, f"{frames}{describe(error)}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)


def describe(error: BaseException) -> str:
    """An exception in words that are safe to log or show."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return f"{name}: {error}" if type(error).__module__.startswith(_OUR_PACKAGES) else name


def set_up_logging(level: str) -> None:
    """Logs to stderr at `level`; the libraries underneath at WARNING, whatever the level."""
    handler = logging.StreamHandler()
    handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
