"""Errors that speak to the person who can fix them: what was wrong, where, what would be right.

The command `ghostkeys` prints a `GhostkeysError` as one line and exits with status 1; any other exception is a bug and
shows its trace.
"""

import unicodedata


class GhostkeysError(ValueError):
    """Bad input: the message names the file, what is wrong and what would be right, in one line that can be printed."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class VideoError(GhostkeysError):
    """A video cannot be read: it is missing, empty, no video, or cut off."""


class RecordingError(GhostkeysError):
    """A recording is not one: its action file is missing or malformed, or does not match its video."""


class CheckpointError(GhostkeysError):
    """A checkpoint folder is missing, incomplete, of another kind, or of a newer format."""


def one_line(text: str) -> str:
    """Text with line breaks, control characters and bytes that are no text, as file names may hold, as escapes."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _NOT_SHOWN else character
        for character in text
    )


_NOT_SHOWN = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, surrogates, and separators of lines and of paragraphs."""
