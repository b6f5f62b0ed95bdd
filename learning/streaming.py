"""Training on more play than can be decoded beforehand: stretches of recordings, read ahead in other processes.

What is read, and when, is worked out from the seed and the lengths of the recordings alone, without a look at a frame:
so a run that goes on at batch k reads what an unbroken one has in memory there, and nothing else. Memory holds the
stretches in use, whatever the number of recordings; a stretch is decoded once for each pass over the data.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice, pairwise
from typing import Generic, Protocol, TypeVar

import numpy as np
from torch.utils.data import IterableDataset

from env.errors import RecordingError
from learning.data import Episode, Size
from learning.distributed import ALONE, Share
from learning.read_ahead import Change, read_ahead
from learning.sources import Source, Span
from learning.windows import Batch, Drawable, collate_windows, draw_windows

STRETCH = 600
"""Ticks that are decoded at a time, half a minute: to decode less, a video must be entered too often."""
AT_FIRST = 8
"""Stretches that the first batch is drawn from; each further batch has one more, up to what memory holds."""
C = TypeVar("C", bound="Countable")


def stretches_of(lengths: Sequence[int], stretch: int) -> list[Span]:
    """All recordings, cut into spans of about `stretch` ticks that lie side by side."""
    spans = []
    for recording, length in enumerate(lengths):
        cuts = np.linspace(0, length, max(1, round(length / stretch)) + 1).round().astype(int).tolist()
        spans += [Span(recording, start, stop) for start, stop in pairwise(cuts) if stop > start]
    return spans


def shuffled(spans: Sequence[Span], *, seed: int, first: int = 0, every: int = 1) -> Iterator[Span]:
    """Endless: the spans in random order, then again in another. From the `first` on, `every` so many."""
    number, epoch, order = first, -1, np.zeros(0, np.int64)
    while True:
        wanted, position = divmod(number, len(spans))
        if wanted != epoch:
            epoch, order = wanted, np.random.default_rng((seed, wanted)).permutation(len(spans))
        yield spans[int(order[position])]
        number += every


class Countable(Protocol):
    """What batches are drawn from."""

    @property
    def count(self) -> int:
        """How many there are to draw."""
        ...


class Buffer(Generic[C]):
    """For each batch, the stretches in memory that it is drawn from: those last read, of many recordings.

    Stretches come and go one by one, in shuffled order, as fast as batches use up ticks, so that each tick is in one
    batch a pass over the data, on average. Processes that train together each have stretches of their own.
    """

    def __init__(
        self,
        source: Source,
        prepare: Callable[[Episode], C],
        *,
        batch_ticks: int,
        capacity: int,
        stretch: int = STRETCH,
        seed: int = 0,
        share: Share = ALONE,
        workers: int = 0,
        change: Change | None = None,
    ) -> None:
        """`prepare` makes of a stretch what batches are drawn from; `change` is that of `read_ahead`."""
        self.source = source
        self.prepare = prepare
        self.stretch = stretch
        self.spans = stretches_of(source.lengths, stretch)
        self.capacity = max(1, min(capacity, -(-len(self.spans) // share.world)))
        # A batch changes half of a small buffer, no more: it is drawn from several times.
        self.used = min(batch_ticks, max(1, self.capacity // 2) * stretch)
        self.seed = seed
        self.share = share
        self.workers = workers
        self.change = change

    def __iter__(self) -> Iterator[tuple[int, list[C]]]:
        """(k, stretches) for each batch k from the share's first on."""
        number = self.share.first_batch
        begin = end = self._begin(number)
        first, every = self.share.rank + begin * self.share.world, self.share.world
        spans = shuffled(self.spans, seed=self.seed, first=first, every=every)
        read = read_ahead(self.source, spans, workers=self.workers, change=self.change, first=first, every=every)
        reads = map(self.prepare, read)
        held: deque[C] = deque()
        while True:
            for _ in range(self._begin(number) - begin):
                held.popleft()
            begin, missing = self._begin(number), self._end(number) - end
            held.extend(islice(reads, missing))
            end += missing
            useful = [each for each in held if each.count]
            if not useful:
                raise RecordingError(
                    f"nothing to train on in {len(held)} stretches of play, such as one of "
                    f"{self.source.names[self.spans[0].recording]}: they cannot be read, are too short, or have no "
                    "usable ticks."
                )
            yield number, useful
            number += 1

    def _begin(self, number: int) -> int:
        """The oldest stretch that a batch is drawn from, among those of this process."""
        return number * self.used // self.stretch

    def _end(self, number: int) -> int:
        """The first one that it is not yet drawn from. Training need not wait for a full buffer: it grows with it."""
        return self._begin(number) + min(self.capacity, AT_FIRST + number)


def buffer_capacity(gigabytes: float, size: Size, stretch: int = STRETCH) -> int:
    """Stretches of frames of `size` (height, width) that fit into so much memory; 2 or more."""
    return max(2, int(gigabytes * 1e9 / (stretch * size[0] * size[1] * 3)))


class StreamedWindows(IterableDataset[Batch]):
    """Endless batches of windows out of a `Buffer`. Batch k depends on the seed, the process and k alone."""

    def __init__(
        self,
        source: Source,
        *,
        window: int,
        batch_size: int,
        capacity: int,
        rare_share: float = 0.0,
        whole: bool = False,
        stretch: int = STRETCH,
        seed: int = 0,
        share: Share = ALONE,
        workers: int = 0,
        change: Change | None = None,
    ) -> None:
        """`rare_share` is that of `draw_windows`, `whole` that of `Drawable`, `change` that of `read_ahead`."""
        self.window = window
        self.batch_size = batch_size
        self.rare_share = rare_share
        self.seed = seed
        self.share = share
        self.buffer = Buffer(
            source,
            lambda episode: Drawable(episode, window, whole=whole),
            batch_ticks=window * batch_size,
            capacity=capacity,
            stretch=max(stretch, window),
            seed=seed,
            share=share,
            workers=workers,
            change=change,
        )

    def __iter__(self) -> Generator[Batch]:
        for number, held in self.buffer:
            rng = np.random.default_rng((self.seed, self.share.rank, number))
            drawn = draw_windows(held, self.batch_size, rng, rare_share=self.rare_share)
            yield collate_windows([each.episode for each in held], drawn)
