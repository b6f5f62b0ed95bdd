"""How videos are labelled: the keywords of `label_videos` and the options of its command, in one place."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from env.errors import GhostkeysError
from env.video.ticks import TICKS_PER_SECOND, FrameRate
from idm.model import InverseDynamicsModel
from labelling.provenance import checkpoint_sha256
from labelling.quality import QualityThresholds
from labelling.windows import WindowPlanner
from learning.precision import Precision

MAX_WORKERS = 1024
MAX_BATCH = 4096
MAX_WINDOW = 2**16


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """How videos are labelled. Raises `GhostkeysError` for values that make no sense."""

    fps: FrameRate = "auto"
    """auto follows the time stamps, native takes each frame for a tick, a number is the frames' true rate"""
    workers: int | None = None
    """processes; 0 works in this process (default: the usable processors)"""
    window: int | None = None
    """ticks the model sees at once, a multiple of 4 (default: as it was trained)"""
    batch: int = 4
    """windows inferred together"""
    recursive: bool = False
    """also label the videos in folders below"""
    mirror: bool | None = None
    """average with what the model says of the mirrored video (default: where its calibration found that better)"""
    low_confidence: float | None = None
    """ticks with a smaller probability that all keys and the mouse are right are marked unusable; 0 marks none
    (default: the one below which a tenth of the play lay that the model was calibrated on)"""
    keep_prefix: bool = False
    """label the good part of a video that is cut off, rather than fail"""
    device: str = "auto"
    """auto, cpu, cuda, or one GPU such as cuda:1"""
    together: int = 1
    """for GPUs: videos that threads of one process decode for one model"""
    precision: Precision | Literal["auto"] = "float32"
    """of the model's products: float32; bfloat16, less exact, and faster on GPUs and on processors with AMX; or auto,
    whichever is faster here"""
    compiled: bool = False
    """let torch.compile build the image network; pays for many videos"""
    quality: QualityThresholds = field(default_factory=QualityThresholds)
    """where the detectors of unusable ticks draw the line (not on the command line)"""

    def __post_init__(self) -> None:
        if isinstance(self.fps, str):
            _check(self.fps in ("auto", "native"), "fps", self.fps, "auto, native, or the true rate")
        else:
            _check(1 <= self.fps <= 1000, "fps", self.fps, "auto, native, or the true rate, 1 to 1000")
        _check(self.workers is None or 0 <= self.workers <= MAX_WORKERS, "workers", self.workers, f"0 to {MAX_WORKERS}")
        _check(1 <= self.batch <= MAX_BATCH, "batch", self.batch, f"1 to {MAX_BATCH} windows")
        _check(
            self.low_confidence is None or 0.0 <= self.low_confidence <= 1.0,
            "low_confidence",
            self.low_confidence,
            "a probability, 0 to 1",
        )
        _check(1 <= self.together <= MAX_WORKERS, "together", self.together, f"1 to {MAX_WORKERS}")
        _check(
            self.together == 1 or not self.workers, "together", self.together, "1, or more without processes (workers)"
        )
        known = ("auto", *get_args(Precision))
        _check(self.precision in known, "precision", self.precision, ", ".join(known))
        if self.window is not None:
            _check(self.window <= MAX_WINDOW, "window", self.window, f"at most {MAX_WINDOW} ticks")
            WindowPlanner(self.window)

    def filled_in(self, model: InverseDynamicsModel) -> Self:
        """These options with the model's own where none are given."""
        mirror = model.mirrors(self.mirror)
        return replace(
            self,
            window=model.config.window if self.window is None else self.window,
            mirror=mirror,
            low_confidence=(
                model.low_confidence(mirrored=mirror) if self.low_confidence is None else self.low_confidence
            ),
        )

    def recipe(self, checkpoint: Path) -> dict[str, Any]:
        """What decides a label file's content besides its video, as plain values, once the options are filled in."""
        return {
            "checkpoint_sha256": checkpoint_sha256(checkpoint),
            "resampling": self._resampling(),
            "window": self.window,
            "precision": self.precision,
            "mirror": self.mirror,
            "low_confidence": self.low_confidence,
            "quality": asdict(self.quality),
        }

    def _resampling(self) -> str:
        if self.fps == "native":
            return "native"
        rate = f"{TICKS_PER_SECOND} Hz"
        return rate if self.fps == "auto" else f"{self.fps:g} fps to {rate}"


def _check(right: bool, name: str, value: object, expected: str) -> None:
    if not right:
        raise GhostkeysError(f"{name} is {value}; expected {expected}.")
