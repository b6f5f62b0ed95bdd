"""Inferred beside true actions of several recordings: what every figure of `idm validate` is worked out from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS, Actions
from env.errors import RecordingError
from env.invisible import visible_keys


@dataclass(frozen=True)
class Comparison:
    """Inferred and true actions of recordings, one after the other: T ticks in all.

    Raises `ValueError` for lengths that differ, `RecordingError` where no tick can be compared.
    """

    predicted: Actions
    true: Actions
    lengths: tuple[int, ...]
    """Ticks of each recording."""
    known: NDArray[np.bool_]
    """(T,) which ticks have a truth to compare with."""
    visible: NDArray[np.bool_]
    """(T, 20) which buttons can show (see `env.invisible`)."""
    screen_open: NDArray[np.bool_]
    """(T,) whether a screen with a cursor was open."""
    screen_closed: NDArray[np.bool_]
    """(T,) whether none was; neither holds where the recorder did not write it."""

    def __post_init__(self) -> None:
        ticks = sum(self.lengths)
        parts = (self.predicted, self.true, self.known, self.visible, self.screen_open, self.screen_closed)
        if any(len(part) != ticks for part in parts):
            raise ValueError(f"{[len(part) for part in parts]} ticks cannot be compared; expected {ticks} of each.")
        if not self.known.any():
            raise RecordingError(
                f"no tick of the {len(self.lengths)} recordings can be compared; "
                "expected usable ticks besides the last."
            )

    @classmethod
    def of(
        cls,
        predicted: Sequence[Actions],
        true: Sequence[Actions],
        *,
        known: Sequence[NDArray[np.bool_]] | None = None,
        gui: Sequence[NDArray[np.bool_] | None] | None = None,
    ) -> "Comparison":
        """From a run of actions for each recording; `gui` (T,) tells where a screen was open, None where unknown."""
        lengths = tuple(len(run) for run in true)
        screens = [None] * len(lengths) if gui is None else gui
        written = [np.full(length, screen is not None) for length, screen in zip(lengths, screens, strict=True)]
        opened = [np.zeros(n, bool) if screen is None else screen for n, screen in zip(lengths, screens, strict=True)]
        screen_open = np.concatenate([np.zeros(0, bool), *opened])
        return cls(
            Actions.concatenate(predicted),
            Actions.concatenate(true),
            lengths,
            known=np.ones(sum(lengths), bool) if known is None else np.concatenate(known),
            visible=np.concatenate([np.zeros((0, len(BUTTONS)), bool), *(visible_keys(run) for run in true)]),
            screen_open=screen_open,
            screen_closed=np.concatenate([np.zeros(0, bool), *written]) & ~screen_open,
        )

    def with_guess(self, guess: Callable[[Actions], Actions]) -> "Comparison":
        """The same truth beside what `guess` makes of each recording's true actions."""
        return replace(self, predicted=Actions.concatenate([guess(run) for run in self.true_runs]))

    @property
    def true_runs(self) -> list[Actions]:
        """The true actions of each recording."""
        stops = np.cumsum(self.lengths)
        return [self.true[int(stop) - length : int(stop)] for length, stop in zip(self.lengths, stops, strict=True)]

    @property
    def recording(self) -> NDArray[np.int64]:
        """(T,) the number of each tick's recording."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def follows(self) -> NDArray[np.bool_]:
        """(T,) whether a tick and the one before it are known and of one recording."""
        recording = self.recording
        follows = np.zeros(len(recording), bool)
        follows[1:] = (recording[1:] == recording[:-1]) & self.known[1:] & self.known[:-1]
        return follows
