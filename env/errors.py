"""Errors that speak to the person who can fix them: what was wrong, where, what would be right.

The command `ghostkeys` prints a `GhostkeysError` as one line and exits with status 1; any other exception is a bug and
shows its trace.
"""

import difflib
from collections.abc import Iterable


class GhostkeysError(ValueError):
    """Bad input: the message names the file, what is wrong and what would be right."""


class VideoError(GhostkeysError):
    """A video cannot be read: it is missing, empty, no video, or cut off."""


class RecordingError(GhostkeysError):
    """A recording is not one: its action file is missing or malformed, or does not match its video."""


class CheckpointError(GhostkeysError):
    """A checkpoint folder is missing, incomplete, of another kind, or of a newer format."""


def expected_one_of(name: object, known: Iterable[str]) -> str:
    """The end of a message about a wrong name: the nearest known one, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(names)}."


def shown(value: object) -> str:
    """A wrong value as a message shows it: on one line, and not longer than a line."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an integer of thousands of digits
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
