"""Windows of episodes, and batches of them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from env.actions import BUTTONS
from env.errors import RecordingError
from learning.data import Episode
from learning.distributed import ALONE, Share

NO_PRESS = [0] * len(BUTTONS)


class Batch(NamedTuple):
    """Windows of episodes, stacked."""

    frames: Tensor  # (B, T, H, W, 3) uint8
    buttons: Tensor  # (B, T, 20) bool
    camera: Tensor  # (B, T, 2) float32 degrees, (pitch, yaw)
    usable: Tensor  # (B, T) bool
    first: Tensor  # (B, T) bool: an episode starts here
    motion: Tensor | None = None  # (B, T, F) float16 fixed motion features, where computed beforehand


class Window(NamedTuple):
    """Ticks `start` to `stop` of one episode."""

    episode: int
    start: int
    stop: int


def collate_windows(episodes: Sequence[Episode], windows: Sequence[Window]) -> Batch:
    """Cuts windows of one length out of episodes and stacks them."""
    parts = [(episodes[w.episode], slice(w.start, w.stop)) for w in windows]
    first = np.zeros((len(windows), windows[0].stop - windows[0].start), np.bool_)
    first[:, 0] = [episodes[w.episode].start + w.start == 0 for w in windows]
    motion = [episode.motion[part] for episode, part in parts if episode.motion is not None]
    return Batch(
        torch.from_numpy(np.stack([episode.frames[part] for episode, part in parts])),
        torch.from_numpy(np.stack([episode.actions.buttons[part] for episode, part in parts])),
        torch.from_numpy(np.stack([episode.actions.camera[part] for episode, part in parts])),
        torch.from_numpy(np.stack([episode.usable[part] for episode, part in parts])),
        torch.from_numpy(first),
        torch.from_numpy(np.stack(motion)) if len(motion) == len(parts) else None,
    )


class Drawable:
    """An episode, and where windows of a length can be drawn from it."""

    def __init__(self, episode: Episode, length: int, *, whole: bool = False) -> None:
        """With `whole`, windows have no tick that is not usable."""
        self.episode = episode
        self.length = length
        self.count = max(len(episode) - length + 1, 0)
        """How many windows there are."""
        self._starts: NDArray[np.int64] | None = None
        if whole and self.count and not episode.usable.all():
            self._starts = np.flatnonzero(np.lib.stride_tricks.sliding_window_view(episode.usable, length).all(1))
            self.count = len(self._starts)

    @cached_property
    def presses(self) -> list[NDArray[np.int64]]:
        """For each button, the ticks before which it was pressed."""
        pressed = self.episode.actions.buttons & self.episode.usable[:, None]
        return [np.flatnonzero(down) for down in (pressed & ~np.roll(pressed, 1, axis=0))[1:].T]

    def start(self, number: int) -> int:
        """First tick of the window with this number."""
        return number if self._starts is None else int(self._starts[number])

    def around(self, tick: int, rng: np.random.Generator) -> int:
        """First tick of a window that has this tick, and the one after it, anywhere in it."""
        first, last = max(0, tick + 2 - self.length), min(tick, len(self.episode) - self.length)
        return int(rng.integers(first, max(first, last) + 1))


def draw_windows(
    drawable: Sequence[Drawable], count: int, rng: np.random.Generator, *, rare_share: float = 0.0
) -> list[Window]:
    """Draws windows uniformly over all that there are.

    With `rare_share`, so many of them show a button going down: each button as often as any other, however rare.
    """
    ends = np.array([each.count for each in drawable]).cumsum()
    if ends[-1] == 0:
        raise RecordingError(
            f"every recording is shorter than a window of {drawable[0].length} ticks: lower data.window."
        )
    positions = rng.integers(0, ends[-1], size=count)
    chosen = np.searchsorted(ends, positions, side="right")
    windows = []
    for number, position in zip(chosen.tolist(), positions.tolist(), strict=True):
        start = drawable[number].start(position - int(ends[number]) + drawable[number].count)
        windows.append(Window(number, start, start + drawable[number].length))
    if not rare_share:
        return windows
    pressed = np.array([[len(ticks) for ticks in each.presses] if each.count else NO_PRESS for each in drawable])
    if not pressed.any():
        return windows
    return [_around_a_press(drawable, pressed, rng) if rng.random() < rare_share else window for window in windows]


def _around_a_press(drawable: Sequence[Drawable], pressed: NDArray[np.int64], rng: np.random.Generator) -> Window:
    """A window that shows a button going down; `pressed` (E, 20) says how often each does in each episode."""
    button = int(rng.choice(np.flatnonzero(pressed.sum(0))))
    ends = pressed[:, button].cumsum()
    position = int(rng.integers(ends[-1]))
    number = int(np.searchsorted(ends, position, side="right"))
    each = drawable[number]
    tick = int(each.presses[button][position - int(ends[number]) + int(pressed[number, button])])
    start = each.around(tick, rng)
    return Window(number, start, start + each.length)


def tile_windows(episodes: Sequence[Episode], length: int, *, stride: int | None = None) -> list[Window]:
    """Windows every `stride` ticks (by default side by side); a rest shorter than `length` is left out."""
    return [
        Window(index, start, start + length)
        for index, episode in enumerate(episodes)
        for start in range(0, len(episode) - length + 1, stride or length)
    ]


class RandomWindows(IterableDataset[Batch]):
    """Endless training batches. Batch k depends on the seed and k alone: a resumed run goes on with unseen batches.

    Processes that train together draw one batch of `batch_size` windows for each of them, and take their share.
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        *,
        window: int,
        batch_size: int,
        seed: int,
        rare_share: float = 0.0,
        share: Share = ALONE,
    ) -> None:
        """`rare_share` is that of `draw_windows`."""
        self.episodes = episodes
        self.window = window
        self.batch_size = batch_size
        self.seed = seed
        self.rare_share = rare_share
        self.share = share

    def __iter__(self) -> Iterator[Batch]:
        drawable = [Drawable(episode, self.window) for episode in self.episodes]
        for number in count(self.share.first_batch):
            rng = np.random.default_rng((self.seed, number))
            drawn = draw_windows(drawable, self.batch_size * self.share.world, rng, rare_share=self.rare_share)
            yield collate_windows(self.episodes, drawn[self.share.of_batch(self.batch_size)])


class TiledWindows(IterableDataset[Batch]):
    """The episodes once through, in batches: for validation."""

    def __init__(self, episodes: Sequence[Episode], *, window: int, batch_size: int, stride: int | None = None) -> None:
        self.episodes = episodes
        self.batch_size = batch_size
        self.windows = tile_windows(episodes, window, stride=stride)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.windows), self.batch_size):
            yield collate_windows(self.episodes, self.windows[start : start + self.batch_size])
