"""Training on more play than can be decoded beforehand: stretches of recordings, read ahead in other processes.

What is read, and when, is worked out from the seed and the lengths of the recordings alone, without a look at a frame:
so a run that goes on at batch k reads what an unbroken one has in memory there, and nothing else. Memory holds the
stretches in use, whatever the number of recordings; a stretch is decoded once for each pass over the data.
"""

import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise, tee
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from env.actions import Actions
from env.errors import GhostkeysError, RecordingError
from learning.data import Episode, Size
from learning.distributed import ALONE, Share
from learning.sources import Source, Span
from learning.windows import Batch, Drawable, collate_windows, draw_windows

log = logging.getLogger(__name__)

STRETCH = 600
"""Ticks that are decoded at a time, half a minute: to decode less, a video must be entered too often."""
AHEAD = 2
"""Stretches that each process reads ahead."""
MAX_WORKERS = 8
AT_FIRST = 8
"""Stretches that the first batch is drawn from; each further batch has one more, up to what memory holds."""
T = TypeVar("T")
C = TypeVar("C", bound="Countable")


def default_workers(processes: int = 1) -> int:
    """Processes that decode for each of those that train on this machine: its cores but one, 8 at most."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MAX_WORKERS, cores // processes - 1))


class _Packed(NamedTuple):
    """An episode as it goes from one process to another: tensors lie in shared memory."""

    name: str
    frames: Tensor
    buttons: Tensor
    camera: Tensor
    usable: Tensor
    motion: Tensor | None
    gui: Tensor | None
    start: int

    @classmethod
    def of(cls, episode: Episode) -> Self:
        """Packs an episode."""
        return cls(
            name=episode.name,
            frames=_tensor(episode.frames[:]),
            buttons=_tensor(episode.actions.buttons),
            camera=_tensor(episode.actions.camera),
            usable=_tensor(episode.usable),
            motion=None if episode.motion is None else _tensor(episode.motion),
            gui=None if episode.gui is None else _tensor(episode.gui),
            start=episode.start,
        )

    def episode(self) -> Episode:
        """Unpacks it."""
        return Episode(
            self.frames.numpy(),
            Actions(self.buttons.numpy(), self.camera.numpy()),
            self.usable.numpy(),
            self.name,
            None if self.motion is None else self.motion.numpy(),
            None if self.gui is None else self.gui.numpy(),
            self.start,
        )


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


class _Reader(Dataset["Episode | str"]):
    """Reads any span of a source, or says why it cannot be read."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getitem__(self, span: Span) -> Episode | str:
        try:
            return self.source.read(*span)
        except (GhostkeysError, OSError) as error:
            return str(error) or type(error).__name__


class _PackingReader(Dataset["_Packed | str"]):
    """The same, for another process."""

    def __init__(self, source: Source) -> None:
        self.reader = _Reader(source)

    def __getitem__(self, span: Span) -> "_Packed | str":
        read = self.reader[span]
        return read if isinstance(read, str) else _Packed.of(read)


def _unchanged(read: Any) -> Any:
    return read


def _leave_signals_to_the_main_process(_: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def read_ahead(source: Source, spans: Iterable[Span], *, workers: int = 0) -> Iterator[Episode]:
    """The spans of a source in their order, read ahead in `workers` processes; in this one if there are none.

    A span that cannot be read gives an episode without ticks; the reason is logged once for each recording. Raises
    GhostkeysError if a process that reads was killed.
    """
    reads: Iterator[Episode | str]
    asked, named = tee(spans)
    if workers:
        loader = DataLoader(
            _PackingReader(source),
            batch_size=None,
            sampler=asked,
            num_workers=workers,
            prefetch_factor=AHEAD,
            collate_fn=_unchanged,
            worker_init_fn=_leave_signals_to_the_main_process,
        )
        reads = (read if isinstance(read, str) else read.episode() for read in _surviving(iter(loader)))
    else:
        reader = _Reader(source)
        reads = (reader[span] for span in asked)
    problems: set[str] = set()
    for span, read in zip(named, reads, strict=True):
        if not isinstance(read, str):
            yield read
            continue
        name = source.names[span.recording]
        if name not in problems:
            problems.add(name)
            log.warning("passed over %s: %s", name, read)
        yield _nothing(name, source.size)


def _surviving(reads: Iterator[T]) -> Iterator[T]:
    try:
        yield from reads
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise GhostkeysError(
            f"a process that decodes recordings was killed ({error}); perhaps memory ran out: lower --data.buffer-gb "
            "or --data.workers. The same command goes on where it stopped."
        ) from None


def _nothing(name: str, size: Size) -> Episode:
    actions = Actions(np.zeros((0, 20), bool), np.zeros((0, 2), np.float32))
    return Episode(np.zeros((0, *size, 3), np.uint8), actions, np.zeros(0, bool), name)


def in_processes(function: Callable[[int], T], numbers: Sequence[int], *, workers: int) -> Iterator[T | None]:
    """What a function gives for each number, worked out in `workers` processes; None where it fails for a recording."""
    dataset = _Applied(function)
    if workers:
        loader = DataLoader(
            dataset,
            batch_size=None,
            sampler=numbers,
            num_workers=workers,
            collate_fn=_unchanged,
            worker_init_fn=_leave_signals_to_the_main_process,
        )
        return _surviving(iter(loader))
    return (dataset[number] for number in numbers)


class _Applied(Dataset["T | None"]):
    """A function's values."""

    def __init__(self, function: Callable[[int], T]) -> None:
        self.function = function

    def __getitem__(self, number: int) -> "T | None":
        try:
            return self.function(number)
        except (GhostkeysError, OSError):
            return None  # met again, and told, where its frames are read


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
    ) -> None:
        """`prepare` makes of a stretch what batches are drawn from."""
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
        self.delivered = 0
        """Ticks read so far."""

    def __iter__(self) -> Iterator[tuple[int, list[C]]]:
        """(k, stretches) for each batch k from the share's first on."""
        number = self.share.first_batch
        begin = end = self._begin(number)
        first = self.share.rank + begin * self.share.world
        spans = shuffled(self.spans, seed=self.seed, first=first, every=self.share.world)
        reads = map(self._prepared, read_ahead(self.source, spans, workers=self.workers))
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

    def _prepared(self, episode: Episode) -> C:
        self.delivered += len(episode)
        return self.prepare(episode)

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
    ) -> None:
        """`rare_share` is that of `draw_windows`, `whole` that of `Drawable`."""
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
        )

    def __iter__(self) -> Iterator[Batch]:
        for number, held in self.buffer:
            rng = np.random.default_rng((self.seed, self.share.rank, number))
            drawn = draw_windows(held, self.batch_size, rng, rare_share=self.rare_share)
            yield collate_windows([each.episode for each in held], drawn)
