"""What a command says while it waits, and how it is told to stop."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

log = logging.getLogger(__name__)


@contextmanager
def announced(message: str, *, after: float = 1.0) -> Iterator[None]:
    """Shows the message if the block takes more than `after` seconds."""
    timer = threading.Timer(after, log.info, [message])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Terminated(KeyboardInterrupt):  # as Python's own KeyboardInterrupt, no error
    """SIGTERM, as a job scheduler sends it: ends a command as Ctrl-C does."""


@contextmanager
def sigterm_like_ctrl_c() -> Iterator[None]:
    """Within the block SIGTERM raises `Terminated`, unless something handles it or ignores it already."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def without_interrupts() -> Iterator[None]:
    """A process started inside never sees Ctrl-C, which the terminal sends to all; this one sees it afterwards."""
    resource_tracker.ensure_running()  # multiprocessing's own; its first start would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
