"""How videos are labelled."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from env.errors import GhostkeysError
from env.video.frames import TICKS_PER_SECOND
from labelling.inference import Precision
from labelling.provenance import checkpoint_sha256
from labelling.quality import QualityThresholds
from labelling.source import FrameRate
from labelling.windows import WindowPlanner


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """How videos are labelled."""

    fps: FrameRate = "auto"
    window: int = 128
    """Ticks shown to the model at once."""
    batch: int = 4
    """Windows inferred together."""
    precision: Precision = "float32"
    """Of the model's products; bfloat16 is for GPUs."""
    keep_prefix: bool = False
    """Label the good part of a video that is cut off, rather than fail."""
    low_confidence: float = 0.01
    """Ticks whose buttons and camera are all right with a smaller probability than this are not usable."""
    quality: QualityThresholds = field(default_factory=QualityThresholds)

    def __post_init__(self) -> None:
        if not isinstance(self.fps, str) and not 1 <= self.fps <= 1000:
            raise GhostkeysError(f"fps is {self.fps:g}; expected auto, native, or the true rate, 1 to 1000.")
        if not 0.0 <= self.low_confidence <= 1.0:
            raise GhostkeysError(f"low_confidence is {self.low_confidence:g}; expected a probability, 0 to 1.")
        if self.batch < 1:
            raise GhostkeysError(f"batch is {self.batch}; expected 1 or more windows.")
        WindowPlanner(self.window)

    def recipe(self, checkpoint: Path) -> dict[str, Any]:
        """What decides a label file's content besides its video, as plain values."""
        return {
            "checkpoint_sha256": checkpoint_sha256(checkpoint),
            "resampling": self._resampling(),
            "window": self.window,
            "precision": self.precision,
            "low_confidence": self.low_confidence,
            "quality": asdict(self.quality),
        }

    def _resampling(self) -> str:
        if self.fps == "native":
            return "native"
        rate = f"{TICKS_PER_SECOND} Hz"
        return rate if self.fps == "auto" else f"{self.fps:g} fps to {rate}"
