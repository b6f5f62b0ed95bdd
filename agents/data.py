"""Recordings -> chunks in order, so that a policy's memory can be carried from one batch to the next."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, cast

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset

from agents.codec import JointCodec
from agents.policy import Policy, PolicyBatch, PolicyConfig
from env.actions import BUTTONS, Actions
from env.errors import GhostkeysError, RecordingError
from learning.data import Episode, EpisodeSet, load_episodes, split_episodes
from learning.distributed import ALONE, Share, main_process_first
from learning.frame_cache import DEFAULT_GB

VALIDATION_CHUNK = 32
"""Ticks at a time in validation, where a step holds one recording only: fewer would waste the processor."""


class Run(NamedTuple):
    """Consecutive ticks of one recording, perhaps seen in a mirror and in another light."""

    episode: int
    start: int
    stop: int
    mirrored: bool = False
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors of red, green and blue."""


class Piece(NamedTuple):
    """A run, or the part of it that falls into one chunk; `first` if it is the run's beginning."""

    run: Run
    first: bool


def draw_runs(
    lengths: Sequence[int], *, run: int, mirror: float = 0.0, tint: float = 0.0, rng: np.random.Generator
) -> Iterator[Run]:
    """Endless runs of at most `run` ticks: every tick once, in shuffled order, then again, cut elsewhere."""
    while True:
        runs: list[Run] = []
        for episode, length in enumerate(lengths):
            cuts = [0, *range(int(rng.integers(1, run + 1)), length, run), length]
            runs += [Run(episode, start, stop) for start, stop in pairwise(cuts) if stop > start]
        for index in rng.permutation(len(runs)):
            mirrored = bool(rng.random() < mirror)
            light, red, green, blue = np.exp(tint * rng.normal(size=4)).tolist()
            yield runs[index]._replace(mirrored=mirrored, tint=(light * red, light * green, light * blue))


def apply_tint(frames: NDArray[np.uint8], tint: tuple[float, float, float]) -> NDArray[np.uint8]:
    """uint8 (T, H, W, 3) with each colour multiplied."""
    if tint == (1.0, 1.0, 1.0):
        return frames
    table = (np.arange(256)[:, None] * np.array(tint)).clip(0, 255).astype(np.uint8)  # (256, 3)
    return np.stack([table[frames[..., colour], colour] for colour in range(3)], -1)


def draw_chunks(runs: Iterator[Run], *, slots: int, chunk: int) -> Iterator[list[list[Piece]]]:
    """Batches of `slots` chunks, each a list of pieces that together have `chunk` ticks.

    A slot goes through a run chunk by chunk; where the run ends, the next begins in the same chunk. Stops with the
    runs.
    """
    rest: list[Piece | None] = [None] * slots
    while True:
        batch: list[list[Piece]] = []
        for slot in range(slots):
            pieces: list[Piece] = []
            missing = chunk
            while missing:
                piece = rest[slot]
                if piece is None:
                    following = next(runs, None)
                    if following is None:
                        return
                    piece = Piece(following, first=True)
                head, rest[slot] = _cut(piece, missing)
                pieces.append(head)
                missing -= head.run.stop - head.run.start
            batch.append(pieces)
        yield batch


def _cut(piece: Piece, ticks: int) -> tuple[Piece, Piece | None]:
    """The first `ticks` of a piece, and what is left of it."""
    run = piece.run
    middle = run.start + ticks
    if middle >= run.stop:
        return piece, None
    return Piece(run._replace(stop=middle), piece.first), Piece(run._replace(start=middle), first=False)


def mirror_actions(actions: Actions) -> Actions:
    """The actions of the mirrored picture: left and right change places, and the view turns the other way."""
    order = list(range(len(BUTTONS)))
    left, right = BUTTONS.index("left"), BUTTONS.index("right")
    order[left], order[right] = right, left
    return Actions(actions.buttons[:, order], actions.camera * np.array([1.0, -1.0], np.float32))


class _Targets(NamedTuple):
    """What a recording asks of the policy at each tick (T,)."""

    buttons: NDArray[np.int64]
    camera: NDArray[np.int64]


class Chunks(IterableDataset[PolicyBatch]):
    """Endless batches of chunks. Batch k depends on the seed and k alone, so a resumed run goes on where it stopped.

    Processes that train together have `slots` slots each of one batch.

    With `once`, each recording from its start to its end instead, in order; what does not fill a last batch is left
    out.
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        *,
        chunk: int,
        slots: int,
        run: int = 600,
        mirror: float = 0.0,
        tint: float = 0.0,
        null_weight: float = 1.0,
        seed: int = 0,
        share: Share = ALONE,
        once: bool = False,
    ) -> None:
        self.episodes = episodes
        self.chunk = chunk
        self.slots = slots
        self.run = run
        self.mirror = mirror
        self.tint = tint
        self.null_weight = null_weight
        self.seed = seed
        self.share = share
        self.once = once
        self.codec = codec = JointCodec()
        self.targets = [_Targets(*codec.encode(episode.actions)) for episode in episodes]
        self.mirrored = [_Targets(*codec.encode(mirror_actions(episode.actions))) for episode in episodes]

    def class_counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How often each button class (8641,), and each camera class (121,) where the camera moves, is asked for."""
        shown = [*self.targets, *self.mirrored] if self.mirror else self.targets
        buttons = np.concatenate([each.buttons for each in shown])
        camera = np.concatenate([each.camera for each in shown])
        moves = self.codec.camera_classes()[buttons]
        return (
            np.bincount(buttons, minlength=self.codec.button_count),
            np.bincount(camera[moves], minlength=self.codec.camera_count),
        )

    def __iter__(self) -> Iterator[PolicyBatch]:
        mine = self.share.of_batch(self.slots)
        for number, pieces in enumerate(
            draw_chunks(self._runs(), slots=self.slots * self.share.world, chunk=self.chunk)
        ):
            if number >= self.share.first_batch:
                yield self._batch(pieces[mine])

    def _runs(self) -> Iterator[Run]:
        lengths = [len(episode) for episode in self.episodes]
        if self.once:
            return (Run(episode, 0, length) for episode, length in enumerate(lengths))
        rng = np.random.default_rng(self.seed)
        return draw_runs(lengths, run=self.run, mirror=self.mirror, tint=self.tint, rng=rng)

    def _batch(self, slots: list[list[Piece]]) -> PolicyBatch:
        rows = [[np.concatenate(field) for field in zip(*map(self._read, pieces), strict=True)] for pieces in slots]
        return PolicyBatch(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))

    def _read(self, piece: Piece) -> tuple[NDArray[np.generic], ...]:
        """One piece as arrays in `PolicyBatch`'s order."""
        run = piece.run
        ticks = slice(run.start, run.stop)
        episode = self.episodes[run.episode]
        targets = (self.mirrored if run.mirrored else self.targets)[run.episode]
        frames = apply_tint(episode.frames[ticks], run.tint)
        first = np.zeros(len(frames), bool)
        first[0] = piece.first
        weight = np.where(targets.buttons[ticks] == 0, self.null_weight, 1.0) * episode.usable[ticks]
        return (
            frames[:, :, ::-1] if run.mirrored else frames,
            first,
            targets.buttons[ticks],
            targets.camera[ticks],
            weight.astype(np.float32),
        )


class PolicyDataModule(lightning.LightningDataModule):
    """Chunks of recorded play, in order: contractor recordings, labelled videos, or both.

    Args:
        root: Folder of recordings.
        chunk: Ticks of a step.
        slots: Runs side by side in a batch.
        run: Ticks of a run, at most, through which a slot goes chunk by chunk.
        mirror: Share of runs seen in a mirror.
        tint: Spread of the runs' brightness and colours; 0 leaves them as recorded.
        null_weight: How much ticks without any key or turn count (VPT: 0).
        validation_share: Share of the ticks kept for validation.
        validation_root: Folder of other recordings to validate on, instead.
        cache: Folder for decoded frames; by default `.frames` under root.
        cache_gb: At most so many GB of decoded frames are kept there; an hour of play at 128x128 takes 3.5.
        seed: Decides the runs, and what is kept for validation.
    """

    def __init__(
        self,
        root: Path,
        *,
        chunk: int = 32,
        slots: int = 8,
        run: int = 600,
        mirror: float = 0.0,
        tint: float = 0.0,
        null_weight: float = 1.0,
        validation_share: float = 0.0,
        validation_root: Path | None = None,
        cache: Path | None = None,
        cache_gb: float = DEFAULT_GB,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if validation_root is not None and validation_share > 0:
            raise GhostkeysError(
                f"validation_root ({validation_root}) and validation_share ({validation_share}) both say what to "
                "validate on: give one of them."
            )
        self.root = Path(root)
        self.validation_root = None if validation_root is None else Path(validation_root)
        self.chunk = chunk
        self.slots = slots
        self.run = run
        self.mirror = mirror
        self.tint = tint
        self.null_weight = null_weight
        self.validation_share = validation_share
        self.cache = Path(cache) if cache is not None else self.root / ".frames"
        self.seed = seed
        self.cache_gb = cache_gb
        self.training = EpisodeSet(())
        self.validation = EpisodeSet(())

    def setup(self, stage: str) -> None:
        """Decodes the recordings at the policy's own size, once."""
        if self.training:
            return
        assert self.trainer is not None
        policy = cast("Policy", self.trainer.lightning_module.model)
        episodes = self._load(self.root, policy.config)
        if not any(episode.usable.any() for episode in episodes):
            raise RecordingError(f"{self.root}: no tick of the {len(episodes)} recordings is usable to learn from.")
        self.training, self.validation = split_episodes(
            episodes, validation_share=self.validation_share, seed=self.seed
        )
        if self.validation_root is not None:
            self.validation = self._load(self.validation_root, policy.config)

    def _load(self, root: Path, config: PolicyConfig) -> EpisodeSet:
        with main_process_first():
            return load_episodes(
                root,
                size=config.size,
                interpolation=config.interpolation,
                cache=self.cache,
                cache_gb=self.cache_gb,
            )

    def train_dataloader(self) -> DataLoader[PolicyBatch]:
        """Chunks of the training recordings, going on at the trainer's step."""
        assert self.trainer is not None
        chunks = Chunks(
            self.training,
            chunk=self.chunk,
            slots=self.slots,
            run=self.run,
            mirror=self.mirror,
            tint=self.tint,
            null_weight=self.null_weight,
            seed=self.seed,
            share=Share.of(self.trainer),
        )
        return DataLoader(chunks, batch_size=None)

    def val_dataloader(self) -> DataLoader[PolicyBatch]:
        """The validation recordings once through, if there are any."""
        chunk = max(self.chunk, VALIDATION_CHUNK)
        return DataLoader(Chunks(self.validation, chunk=chunk, slots=1, once=True), batch_size=None)
