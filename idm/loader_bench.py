"""`ghostkeys bench loader`: what streamed frames cost a training step, and what they take of memory."""
# ruff: noqa: T201

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from statistics import median

import psutil
import torch

from env.command_line import check_at_least_1, run_command
from env.errors import UsageError
from env.files import write_json
from env.recordings.index import RecordingIndex
from env.recordings.recording import find_recordings, videos_beside
from env.video.ticks import TICKS_PER_SECOND
from idm.config import IDMConfig
from idm.model import InverseDynamicsModel
from idm.sharding import read_config
from learning.measure import Conditions, median_ratio
from learning.read_ahead import read_ahead
from learning.sources import RecordingSource
from learning.streaming import STRETCH, StreamedWindows, buffer_capacity, shuffled, stretches_of
from learning.windows import Batch

STRETCHES = 8
"""That each process reads for the rate."""


@dataclass(frozen=True)
class Memory:
    """A run of the loader alone over so many hours of play, in a process of its own."""

    hours: float
    recordings: int
    peak_mb: float
    """Of that process and those that decode, what they share counted once."""
    first_batch_seconds: float
    """From the start of the search for recordings; of recordings that no index knows."""


@dataclass(frozen=True)
class LoaderBench:
    """All figures of one run."""

    conditions: Conditions
    size: tuple[int, int]
    frames_a_second: float
    """Of the loader alone, by the clock."""
    step_seconds: float
    """Of a step on synthetic data, by the clock."""
    step_frames: int
    ratio: float
    """A step's time with streamed data, by that with synthetic data."""
    memory: tuple[Memory, ...]


def bench(args: list[str]) -> int:
    """Measures the streaming loader."""
    return int(run_command(_bench, args, program="ghostkeys bench loader", positional=True))


def _bench(
    recordings: Path,
    model: str = "base",
    batch_size: int = 1,
    window: int = 32,
    rounds: int = 5,
    workers: int = 1,
    buffer_gb: float = 0.25,
    hours: tuple[float, ...] = (1.0, 10.0, 100.0),
    batches: int = 60,
    json: Path | None = None,
) -> int:
    """Measures how fast frames come, what they cost a training step, and the memory by the hours of play.

    Args:
        recordings: Folder of recordings.
        model: Configuration of `idm fit` that is trained, by its name or file.
        batch_size: Windows of a step.
        window: Frames of a window.
        rounds: Steps with streamed and with synthetic data, in turn; the ratio is the median of theirs.
        workers: Processes that decode; the model computes in one thread.
        buffer_gb: Decoded frames in memory.
        hours: Of play, for the memory: the recordings under as many names as it takes.
        batches: Of each of these runs.
        json: File to write the figures to as well.
    """
    check_at_least_1(batch_size=batch_size, window=window, rounds=rounds, batches=batches)
    if workers < 1 or not buffer_gb > 0 or not all(0 < each <= 10_000 for each in hours):
        raise UsageError("expected --workers of 1 or more, --buffer-gb above 0, and --hours from 0 to 10,000.")
    network = read_config(model)
    torch.set_num_threads(1)
    source = _source(recordings, network)
    windows = StreamedWindows(
        source,
        window=window,
        batch_size=batch_size,
        capacity=buffer_capacity(buffer_gb, network.frame_size),
        workers=workers,
    )
    rate = _frames_a_second(source, workers)
    synthetic, ratio = _steps(network, windows, rounds)
    memory = tuple(_memory_of(recordings, each, network, windows, batches, buffer_gb, workers) for each in hours)
    found = LoaderBench(Conditions.here("cpu"), network.frame_size, rate, synthetic, batch_size * window, ratio, memory)
    print("\n".join(_lines(found, model, workers)))
    if json is not None:
        write_json(json, asdict(found))
    return 0


def _source(recordings: Path, network: IDMConfig, index: RecordingIndex | None = None) -> RecordingSource:
    paths = find_recordings(recordings)
    return RecordingSource(paths, size=network.frame_size, interpolation=network.interpolation, index=index)


def _frames_a_second(source: RecordingSource, workers: int) -> float:
    """By the clock, when all processes are at work."""
    spans = shuffled(stretches_of(source.lengths, STRETCH), seed=0)
    reads = read_ahead(source, spans, workers=workers)
    with closing(reads):
        for _ in range(workers):
            next(reads)
        started = time.perf_counter()
        frames = sum(len(next(reads)) for _ in range(STRETCHES * workers))
        return frames / (time.perf_counter() - started)


def _steps(network: IDMConfig, windows: StreamedWindows, rounds: int) -> tuple[float, float]:
    """Seconds of a step on synthetic data, and how many times longer one on streamed data takes."""
    torch.manual_seed(0)
    model = InverseDynamicsModel(network)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step(batches: Iterator[Batch]) -> float:
        started = time.perf_counter()
        loss = model.loss(next(batches))["total"]
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        return time.perf_counter() - started

    seconds: dict[str, list[float]] = {"synthetic": [], "streamed": []}
    with closing(iter(windows)) as streamed:
        synthetic = _synthetic(next(streamed))
        step(synthetic)
        for _ in range(rounds):
            seconds["synthetic"].append(step(synthetic))
            seconds["streamed"].append(step(streamed))
    return median(seconds["synthetic"]), median_ratio(seconds["streamed"], seconds["synthetic"])


def _synthetic(like: Batch) -> Iterator[Batch]:
    batch = like._replace(frames=torch.randint(0, 256, like.frames.shape, dtype=torch.uint8))
    while True:
        yield batch


def _memory_of(
    recordings: Path,
    hours: float,
    network: IDMConfig,
    windows: StreamedWindows,
    batches: int,
    buffer_gb: float,
    workers: int,
) -> Memory:
    with _repeated(recordings, hours) as folder:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            peak, seconds, found = pool.submit(
                _run_loader, folder, network.to_dict(), windows.window, windows.batch_size, batches, buffer_gb, workers
            ).result()
    return Memory(hours, found, peak / 1e6, seconds)


def _run_loader(
    folder: Path, network: dict[str, object], window: int, batch_size: int, batches: int, buffer_gb: float, workers: int
) -> tuple[int, float, int]:
    """(peak of memory in bytes, seconds until the first batch, recordings)."""
    torch.set_num_threads(1)
    config = IDMConfig.from_dict(network)
    started = time.perf_counter()
    source = _source(folder, config, RecordingIndex.beside(folder))  # goes with the folder
    capacity = buffer_capacity(buffer_gb, config.frame_size)
    stream = iter(StreamedWindows(source, window=window, batch_size=batch_size, capacity=capacity, workers=workers))
    peak = 0
    with closing(stream):
        next(stream)
        seconds = time.perf_counter() - started
        for number in range(batches):
            next(stream)
            if number % 5 == 0:
                peak = max(peak, _memory_in_use())
    return peak, seconds, len(source.names)


def _memory_in_use() -> int:
    """Bytes of this process and its children; what they share is counted once where the system tells (Linux)."""
    here = psutil.Process()
    total = 0
    for process in [here, *here.children(recursive=True)]:
        try:
            told = process.memory_full_info()
        except psutil.Error:
            continue
        total += getattr(told, "pss", told.uss)
    return total


@contextmanager
def _repeated(recordings: Path, hours: float) -> Iterator[Path]:
    """A folder with the recordings under as many names as make so many hours; their content is there once."""
    actions = find_recordings(recordings)
    with tempfile.TemporaryDirectory(dir=recordings, prefix=".bench-") as name:
        folder = Path(name)
        seconds = 0.0
        lengths = {path: length for path, length in zip(actions, _lengths(actions), strict=True) if length}
        if not lengths:
            raise UsageError(f"{recordings}: no recording has a tick.")
        for number in count():
            for path, length in lengths.items():
                if seconds >= hours * 3600:
                    yield folder
                    return
                for file in (path, *videos_beside(path)):
                    _link(file, folder / f"{number:05}-{file.name}")
                seconds += length / TICKS_PER_SECOND


def _lengths(actions: Sequence[Path]) -> Sequence[int]:
    return RecordingSource(actions, size=(8, 8)).lengths


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def _lines(found: LoaderBench, model: str, workers: int) -> list[str]:
    height, width = found.size
    lines = [
        str(found.conditions),
        f"loader alone, {workers} decoding: {found.frames_a_second:.0f} frames a second at {height}x{width}",
        f"a step of {model} with {found.step_frames} frames: {found.step_seconds:.2f} s on synthetic data; "
        f"on streamed data {found.ratio:.3f} times that",
        f"{'hours of play':>14}{'recordings':>12}{'peak memory':>14}{'first batch':>13}",
    ]
    return lines + [
        f"{each.hours:14g}{each.recordings:12d}{each.peak_mb:11.0f} MB{each.first_batch_seconds:11.1f} s"
        for each in found.memory
    ]
