"""Recordings read ahead in other processes, in the order that is asked for."""

import logging
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import count, tee
from typing import Any, NamedTuple, Self, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from env.actions import Actions
from env.errors import GhostkeysError
from env.processors import usable_processors
from learning.data import Episode, Size
from learning.sources import Source, Span

log = logging.getLogger(__name__)

AHEAD = 2
"""Spans that each process reads ahead."""
MAX_WORKERS = 8
KILLED = "DataLoader worker (pid"
"""How torch's error begins for a process that is gone; one that a process passed on begins otherwise."""
T = TypeVar("T")
Change = Callable[[Episode, int], Episode]
"""What is made of a span that was read, given its number among all that are read; it goes to other processes."""


def default_workers(processes: int = 1) -> int:
    """Processes that decode for each of those that train on this machine: its cores but one, 8 at most."""
    return max(1, min(MAX_WORKERS, usable_processors() // processes - 1))


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
    """Reads any span of a source, which comes with its number, or says why it cannot be read."""

    def __init__(self, source: Source, change: Change | None) -> None:
        self.source = source
        self.change = change

    def __getitem__(self, numbered: tuple[int, Span]) -> Episode | str:
        number, span = numbered
        try:
            read = self.source.read(*span)
        except (GhostkeysError, OSError) as error:
            return str(error) or type(error).__name__
        return read if self.change is None else self.change(read, number)


class _PackingReader(Dataset["_Packed | str"]):
    """The same, for another process."""

    def __init__(self, source: Source, change: Change | None) -> None:
        self.reader = _Reader(source, change)

    def __getitem__(self, numbered: tuple[int, Span]) -> "_Packed | str":
        read = self.reader[numbered]
        return read if isinstance(read, str) else _Packed.of(read)


def _unchanged(read: Any) -> Any:
    return read


def _leave_signals_to_the_main_process(_: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def read_ahead(
    source: Source,
    spans: Iterable[Span],
    *,
    workers: int = 0,
    change: Change | None = None,
    first: int = 0,
    every: int = 1,
) -> Generator[Episode]:
    """The spans of a source in their order, read ahead in `workers` processes; in this one if there are none.

    `change` is made where a span is read; the spans are numbered from `first` on, `every` so many. A span that cannot
    be read gives an episode without ticks; the reason is logged once for each recording. Raises GhostkeysError if a
    process that reads was killed.
    """
    reads: Iterator[Episode | str]
    asked, named = tee(spans)
    numbered = zip(count(first, every), asked, strict=False)
    if workers:
        packed = _in_workers(_PackingReader(source, change), numbered, workers)
        reads = (read if isinstance(read, str) else read.episode() for read in packed)
    else:
        reader = _Reader(source, change)
        reads = (reader[span] for span in numbered)
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


def _in_workers(dataset: Dataset[T], order: Iterable[Any], workers: int) -> Iterator[T]:
    """The items of a dataset in an order, each made in one of `workers` processes, `AHEAD` by each of them."""
    loader = DataLoader(
        dataset,
        batch_size=None,
        sampler=order,
        num_workers=workers,
        prefetch_factor=AHEAD,
        collate_fn=_unchanged,
        worker_init_fn=_leave_signals_to_the_main_process,
    )
    items = cast("Any", iter(loader))
    try:
        yield from items
    except RuntimeError as error:
        if not str(error).startswith(KILLED):
            raise
        raise GhostkeysError(
            f"a process that decodes recordings was killed ({error}); perhaps memory ran out: lower --data.buffer-gb "
            "or --data.workers. The same command goes on where it stopped."
        ) from None
    finally:
        items._shutdown_workers()  # else they live as long as whatever refers to an error's traceback


def _nothing(name: str, size: Size) -> Episode:
    actions = Actions(np.zeros((0, 20), bool), np.zeros((0, 2), np.float32))
    return Episode(np.zeros((0, *size, 3), np.uint8), actions, np.zeros(0, bool), name)


def in_processes(function: Callable[[int], T], numbers: Sequence[int], *, workers: int) -> Iterator[T | None]:
    """What a function gives for each number, worked out in `workers` processes; None where it fails for a recording."""
    dataset = _Applied(function)
    if workers:
        return _in_workers(dataset, numbers, workers)
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
