"""Starts the bot: `phyassist bot`, or `python -m bot`."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable

from bot.app import running_bot
from bot.logs import set_up_logging
from bot.settings import Settings, SettingsError, load_settings
from bot.store.errors import StoreError

log = logging.getLogger("bot")


async def run(settings: Settings) -> None:
    """Runs until SIGINT or SIGTERM; what is under way then is taken up again at the next start."""
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    async with running_bot(settings):
        log.info("PhyAssist is connected and at work")
        await stop.wait()
    log.info("PhyAssist stopped")


def _quick_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """An event loop in C, which leaves processor time to whoever else needs it (DECISIONS.md); None where it has no build."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


def main() -> int:
    """The exit code: 0 after a wanted stop, 1 if it can't start; the reason is one sentence on stderr."""
    try:
        settings = load_settings()
        set_up_logging(settings.log_level.upper())
        with asyncio.Runner(loop_factory=_quick_loop()) as runner:
            runner.run(run(settings))
    except (SettingsError, StoreError) as error:
        print(f"PhyAssist can't start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
