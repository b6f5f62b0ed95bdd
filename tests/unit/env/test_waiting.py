"""Lines for long waits."""

import logging
import threading

import pytest

from env.waiting import announced


def test_a_long_wait_gets_a_line() -> None:
    """The block ends when the line has come, so that no time is measured."""
    came = threading.Event()

    class Listen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert record.getMessage() == "compiling …"
            came.set()

    logger = logging.getLogger("env.waiting")
    handler, level = Listen(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with announced("compiling …", after=0.0):
            assert came.wait(timeout=60)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_a_short_one_gets_none(caplog: pytest.LogCaptureFixture) -> None:
    """The timer ends with the block, an hour before its time, and says nothing."""
    with caplog.at_level(logging.INFO, logger="env.waiting"):
        before = set(threading.enumerate())
        with announced("compiling …", after=3600.0):
            (timer,) = set(threading.enumerate()) - before
        timer.join(timeout=60)
    assert not timer.is_alive()
    assert not caplog.messages
