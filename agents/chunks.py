"""Recordings -> chunks in order, so that a policy's memory can be carried from one batch to the next."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise, tee
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from agents.codec import JointCodec
from agents.policy import PolicyBatch
from env.actions import BUTTONS, Actions
from env.tasks import VPT_REWARDS
from learning.data import Episode
from learning.distributed import ALONE, Share
from learning.read_ahead import read_ahead
from learning.sources import Source, Span


class Run(NamedTuple):
    """Consecutive ticks of one recording, perhaps seen in a mirror and in another light."""

    episode: int
    start: int
    stop: int
    mirrored: bool = False
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors of red, green and blue."""


class Piece(NamedTuple):
    """Ticks `start` to `stop` of the recording of a run: the whole run, or the part of it that falls into a chunk."""

    number: int
    """Of the run, in the order in which runs are drawn."""
    run: Run
    start: int
    stop: int

    @property
    def first(self) -> bool:
        """Whether the run begins here."""
        return self.start == self.run.start


def draw_runs(
    lengths: Sequence[int],
    *,
    run: int,
    mirror: float = 0.0,
    tint: float = 0.0,
    milestones: Sequence[Mapping[str, int]] = (),
    milestone_share: float = 0.0,
    rng: np.random.Generator,
) -> Iterator[Run]:
    """Endless runs of at most `run` ticks: every tick once, in shuffled order, then again, cut elsewhere.

    So many of all runs as `milestone_share` says are others: they end soon after a player first had one of the items
    that VPT rewards, each item as often as any other. `milestones` has the ticks for each recording.
    """
    reached = _reached(milestones) if milestone_share > 0 else []

    def seen(drawn: Run) -> Run:
        mirrored = bool(rng.random() < mirror)
        light, red, green, blue = np.exp(tint * rng.normal(size=4)).tolist()
        return drawn._replace(mirrored=mirrored, tint=(light * red, light * green, light * blue))

    while True:
        runs: list[Run] = []
        for episode, length in enumerate(lengths):
            cuts = [0, *range(int(rng.integers(1, run + 1)), length, run), length]
            runs += [Run(episode, start, stop) for start, stop in pairwise(cuts) if stop > start]
        for index in rng.permutation(len(runs)):
            while reached and rng.random() < milestone_share:
                places = reached[int(rng.integers(len(reached)))]
                episode, tick = places[int(rng.integers(len(places)))]
                stop = min(lengths[episode], tick + 1 + int(rng.integers(run // 4 + 1)))
                yield seen(Run(episode, max(0, stop - run), stop))
            yield seen(runs[index])


def _reached(milestones: Sequence[Mapping[str, int]]) -> list[list[tuple[int, int]]]:
    """For each item that VPT rewards, (recording, tick) where it was first had; without those that never were."""
    found = [
        [(episode, ticks[item]) for episode, ticks in enumerate(milestones) if item in ticks] for item in VPT_REWARDS
    ]
    return [places for places in found if places]


def draw_chunks(runs: Iterator[Run], *, slots: int, chunk: int) -> Iterator[list[list[Piece]]]:
    """Batches of `slots` chunks, each a list of pieces that together have `chunk` ticks.

    A slot goes through a run chunk by chunk; where the run ends, the next begins in the same chunk. Stops with the
    runs.
    """
    numbered = enumerate(runs)
    rest: list[Piece | None] = [None] * slots
    while True:
        batch: list[list[Piece]] = []
        for slot in range(slots):
            pieces: list[Piece] = []
            missing = chunk
            while missing:
                piece = rest[slot]
                if piece is None:
                    number, run = next(numbered, (0, None))
                    if run is None:
                        return
                    piece = Piece(number, run, run.start, run.stop)
                head, rest[slot] = _cut(piece, missing)
                pieces.append(head)
                missing -= head.stop - head.start
            batch.append(pieces)
        yield batch


def _cut(piece: Piece, ticks: int) -> tuple[Piece, Piece | None]:
    """The first `ticks` of a piece, and what is left of it."""
    middle = piece.start + ticks
    if middle >= piece.stop:
        return piece, None
    return piece._replace(stop=middle), piece._replace(start=middle)


def apply_tint(frames: NDArray[np.uint8], tint: tuple[float, float, float]) -> NDArray[np.uint8]:
    """uint8 (T, H, W, 3) with each colour multiplied."""
    if tint == (1.0, 1.0, 1.0):
        return frames
    table = (np.arange(256)[:, None] * np.array(tint)).clip(0, 255).astype(np.uint8)  # (256, 3)
    return np.stack([table[frames[..., colour], colour] for colour in range(3)], -1)


def mirror_actions(actions: Actions) -> Actions:
    """The actions of the mirrored picture: left and right change places, and the view turns the other way."""
    order = list(range(len(BUTTONS)))
    left, right = BUTTONS.index("left"), BUTTONS.index("right")
    order[left], order[right] = right, left
    return Actions(actions.buttons[:, order], actions.camera * np.array([1.0, -1.0], np.float32))


def class_counts(played: Sequence[Actions], *, mirrored: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often each button class (8641,), and each camera class (121,) where the camera moves, is asked for."""
    codec = JointCodec()
    shown = Actions.concatenate([*played, *map(mirror_actions, played)] if mirrored else played)
    buttons, camera = codec.encode(shown)
    moves = codec.camera_classes()[buttons]
    return (
        np.bincount(buttons, minlength=codec.button_count),
        np.bincount(camera[moves], minlength=codec.camera_count),
    )


class _ReadRun:
    """A run whose frames are in memory, and what it asks of the policy at each tick."""

    def __init__(self, run: Run, start: int, episode: Episode, codec: JointCodec) -> None:
        """`start` is the first tick of the recording that was read."""
        self.run = run
        self.start = start
        self.episode = episode
        actions = mirror_actions(episode.actions) if run.mirrored else episode.actions
        self.buttons, self.camera = codec.encode(actions)

    def part(self, piece: Piece, null_weight: float) -> tuple[NDArray[np.generic], ...]:
        """A piece of the run as arrays in `PolicyBatch`'s order. Ticks that were not found are black, and unusable."""
        ticks = slice(piece.start - self.start, piece.stop - self.start)
        frames = apply_tint(self.episode.frames[ticks], self.run.tint)
        frames = frames[:, :, ::-1] if self.run.mirrored else frames
        buttons, camera = self.buttons[ticks], self.camera[ticks]
        weight = np.where(buttons == 0, null_weight, 1.0) * self.episode.usable[ticks]
        length = piece.stop - piece.start
        first = np.zeros(length, bool)
        first[0] = piece.first
        found = frames, buttons, camera, weight.astype(np.float32)
        frames, buttons, camera, weight = (_padded(array, length) for array in found)
        return frames, first, buttons, camera, weight


def _padded(array: NDArray[Any], length: int) -> NDArray[Any]:
    """An array (T, ...) with zeros at its end, up to `length`."""
    missing = length - len(array)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array


class Chunks(IterableDataset[PolicyBatch]):
    """Endless batches of chunks. Batch k depends on the seed and k alone, so a resumed run goes on where it stopped.

    Runs are read ahead in `workers` processes; in memory are those in use. Processes that train together have `slots`
    slots each of one batch. With `once`, each recording from its start to its end instead, in order; what does not fill
    a last batch is left out.
    """

    def __init__(
        self,
        source: Source,
        *,
        chunk: int,
        slots: int,
        run: int = 600,
        mirror: float = 0.0,
        tint: float = 0.0,
        null_weight: float = 1.0,
        milestones: Sequence[Mapping[str, int]] = (),
        milestone_share: float = 0.0,
        seed: int = 0,
        share: Share = ALONE,
        workers: int = 0,
        once: bool = False,
    ) -> None:
        """`run`, `mirror`, `tint`, `milestones` and `milestone_share` are those of `draw_runs`."""
        self.source = source
        self.chunk = chunk
        self.slots = slots
        self.run = run
        self.mirror = mirror
        self.tint = tint
        self.null_weight = null_weight
        self.milestones = milestones
        self.milestone_share = milestone_share
        self.seed = seed
        self.share = share
        self.workers = workers
        self.once = once
        self.codec = JointCodec()

    def __iter__(self) -> Iterator[PolicyBatch]:
        reads = self._read_runs()
        held: dict[int, _ReadRun] = {}
        for slots in self._plan():
            rows = []
            for pieces in slots:
                parts = []
                for piece in pieces:
                    while piece.number not in held:
                        number, read = next(reads)
                        held[number] = read
                    parts.append(held[piece.number].part(piece, self.null_weight))
                    if piece.stop == piece.run.stop:
                        del held[piece.number]
                rows.append([np.concatenate(field) for field in zip(*parts, strict=True)])
            yield PolicyBatch(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))

    def _plan(self) -> Iterator[list[list[Piece]]]:
        """What this process shows in each batch that is still to come."""
        chunks = draw_chunks(self._runs(), slots=self.slots * self.share.world, chunk=self.chunk)
        mine = self.share.of_batch(self.slots)
        return (slots[mine] for slots in islice(chunks, self.share.first_batch, None))

    def _runs(self) -> Iterator[Run]:
        lengths = self.source.lengths
        if self.once:
            return (Run(episode, 0, length) for episode, length in enumerate(lengths))
        rng = np.random.default_rng(self.seed)
        return draw_runs(
            lengths,
            run=self.run,
            mirror=self.mirror,
            tint=self.tint,
            milestones=self.milestones,
            milestone_share=self.milestone_share,
            rng=rng,
        )

    def _first_pieces(self) -> Iterator[Piece]:
        """The first piece that is still to come of each run."""
        latest: dict[int, int] = {}
        for slots in self._plan():
            for slot, pieces in enumerate(slots):
                for piece in pieces:
                    if latest.get(slot) != piece.number:
                        latest[slot] = piece.number
                        yield piece

    def _read_runs(self) -> Iterator[tuple[int, _ReadRun]]:
        """Each run by its number, from the first tick on that is still to come."""
        pieces, ahead = tee(self._first_pieces())
        spans = (Span(piece.run.episode, piece.start, piece.run.stop) for piece in ahead)
        for piece, episode in zip(pieces, read_ahead(self.source, spans, workers=self.workers), strict=True):
            yield piece.number, _ReadRun(piece.run, piece.start, episode, self.codec)
