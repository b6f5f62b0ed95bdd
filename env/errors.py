"""Errors that speak to the person who can fix them: what was wrong, where, what would be right.

The command `ghostkeys` prints a `GhostkeysError` as one line and exits with status 1; any other exception is a bug and
shows its trace.
"""


class GhostkeysError(ValueError):
    """Bad input: the message names the file, what is wrong and what would be right."""


class UsageError(GhostkeysError):
    """A command's arguments are wrong: exit status 2 instead of 1."""


class VideoError(GhostkeysError):
    """A video cannot be read: it is missing, empty, no video, or cut off."""


class RecordingError(GhostkeysError):
    """A recording is not one: its action file is missing or malformed, or does not match its video."""


class CheckpointError(GhostkeysError):
    """A checkpoint folder is missing, incomplete, of another kind, or of a newer format."""
