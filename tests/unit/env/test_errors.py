"""An error is one line that can be printed, whatever names it quotes."""

import copy

import pytest

from env.errors import GhostkeysError, VideoError


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("play 1.mp4", "play 1.mp4"),
        ("größe 日本.mp4", "größe 日本.mp4"),
        ("two\nlines\r.mp4", r"two\nlines\r.mp4"),
        ("red\x1b[31m.mp4", r"red\x1b[31m.mp4"),
        ("bytes\udcff.mp4", r"bytes\udcff.mp4"),
        ("line\u2028end", r"line\u2028end"),
    ],
)
def test_names_that_cannot_be_printed_are_escaped(name: str, shown: str) -> None:
    error = VideoError(f"{name} is empty.")
    assert str(error) == f"{shown} is empty."
    assert str(GhostkeysError(str(error))) == str(error)
    assert str(copy.copy(error)) == str(error)  # as when it is sent from one process to another
    str(error).encode()
