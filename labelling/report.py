"""The result of a labelling run: of each video, and in total."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from env.video.ticks import TICKS_PER_SECOND
from labelling.quality import UNCERTAIN


@dataclass(frozen=True, kw_only=True)
class VideoResult:
    """The result of one video."""

    video: Path
    labels: Path
    status: Literal["done", "skipped", "failed"]
    reason: str = ""
    """Why it failed."""
    ticks: int = 0
    unusable: Mapping[str, int] = field(default_factory=dict)
    """Ticks that are not usable, by reason."""
    confidence: float = 0.0
    """Mean over the video's ticks of the probability that all buttons and the camera are right."""
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class LabelReport:
    """The results of all videos of a run, and its speed."""

    videos: Sequence[VideoResult]
    seconds: float
    """Duration of the run."""
    low_confidence: float | None = None
    """Ticks of a smaller confidence were marked unusable."""

    def with_status(self, status: Literal["done", "skipped", "failed"]) -> list[VideoResult]:
        """The results with this status."""
        return [video for video in self.videos if video.status == status]

    @property
    def ticks(self) -> int:
        """Ticks labelled in this run."""
        return sum(video.ticks for video in self.videos)

    @property
    def cpu_seconds(self) -> float:
        """Processor time spent on the videos that were labelled, starting the processes not counted."""
        return sum(video.cpu_seconds for video in self.videos)

    @property
    def confidence(self) -> float:
        """Mean over the ticks labelled in this run. Far below that of held-out play, the videos are of another kind."""
        return sum(video.confidence * video.ticks for video in self.videos) / max(self.ticks, 1)

    @property
    def unusable(self) -> Counter[str]:
        """Ticks labelled in this run that are not usable, by reason."""
        return sum((Counter(video.unusable) for video in self.videos), Counter())

    @property
    def usable(self) -> int:
        """Ticks labelled in this run that are usable."""
        return self.ticks - self.unusable.total()

    def as_dict(self) -> dict[str, Any]:
        """The report as values that JSON can hold."""
        return {
            "videos": {status: len(self.with_status(status)) for status in ("done", "skipped", "failed")},
            "failures": [{"video": str(video.video), "reason": video.reason} for video in self.with_status("failed")],
            "frames": self.ticks,
            "usable_frames": self.usable,
            "usable_share": round(self.usable / max(self.ticks, 1), 4),
            "unusable_frames": dict(self.unusable.most_common()),
            "low_confidence": self.low_confidence,
            "confidence": round(self.confidence, 4),
            "confidence_by_video": {str(v.video): round(v.confidence, 4) for v in self.with_status("done")},
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "frames_per_second": _rate(self.ticks, self.seconds),
            "frames_per_cpu_second": _rate(self.ticks, self.cpu_seconds),
            "times_real_time": _rate(self.ticks / TICKS_PER_SECOND, self.seconds),
        }

    def as_text(self) -> str:
        """The report as a table, to be printed."""
        figures = self.as_dict()
        count = figures["videos"]
        lines = [
            f"videos    {count['done']} labelled, {count['skipped']} labelled before, {count['failed']} failed",
            f"frames    {self.ticks:,}, of which {self.usable:,} ({figures['usable_share']:.0%}) usable",
            *(f"          {ticks:,} {self._explained(reason)}" for reason, ticks in self.unusable.most_common()),
        ]
        if self.ticks:
            rate, times = figures["frames_per_second"], figures["times_real_time"]
            lines.append(f"sure      all keys and the camera right in {self.confidence:.0%} of frames, says the model")
            lines.append(f"speed     {rate:,.0f} frames/s, {times:,.1f} x real time")
            lines.append(f"          {figures['frames_per_cpu_second']:,.0f} frames per second of processor time")
        lines += [f"failed    {video.reason}" for video in self.with_status("failed")]
        return "\n".join(lines)

    def _explained(self, reason: str) -> str:
        return f"{reason}, below {self.low_confidence:.3g}" if reason == UNCERTAIN and self.low_confidence else reason


def _rate(amount: float, seconds: float) -> float:
    return round(amount / seconds, 2) if seconds > 0 else 0.0
