"""One video from decoding to its label file."""

import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from env.errors import RecordingError, VideoError
from env.recordings.labels import write_labels
from env.video.frames import Tick, read_ticks
from env.video.pictures import Frame
from labelling.jobs import VideoJob
from labelling.labeller import Answers, Labeller
from labelling.options import LabelOptions
from labelling.prefetch import prefetch
from labelling.provenance import Recipe, describe, is_current
from labelling.quality import USABLE, FrameMeasures
from labelling.report import VideoResult
from labelling.work import Report

CHUNK_TICKS = 64
"""Ticks decoded and encoded at a time: what bounds the memory, whatever the video's length."""
NAME_ERRORS = frozenset(
    {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.EILSEQ, errno.ELOOP}
    | {errno.EACCES, errno.EPERM}
)
"""What the operating system says of one file or folder, where others may well be written."""


class VideoLabeller:
    """Labels one video after another, with one model. Threads may share it.

    `ahead` chunks are decoded before the model asks for them, in a thread of their own. `clock` tells the processor
    seconds that a video cost.
    """

    def __init__(
        self,
        labeller: Labeller,
        options: LabelOptions,
        recipe: Recipe,
        *,
        ahead: int = 0,
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        self.labeller = labeller
        self.options = options
        self.recipe = recipe
        self.ahead = ahead
        self.clock = clock

    def __call__(self, job: VideoJob, report: Report) -> VideoResult:
        """Writes the label file of one video, unless another run has written it meanwhile.

        Raises `VideoError` for a bad video, `RecordingError` where this one label file cannot be written, and OSError
        where none could be, as on a full disk.
        """
        started = self.clock()
        if is_current(job.labels, job.video, self.recipe):
            return VideoResult(video=job.video, labels=job.labels, status="skipped")
        metadata = describe(job.video, job.labels, self.recipe)
        source = _Source(job.video, self.options, self.labeller, report)
        with closing(prefetch(source.chunks(), depth=self.ahead) if self.ahead else source.chunks()) as chunks:
            answers = Answers.concatenate(list(self.labeller.label(chunks)))
        if source.fault:
            metadata["cut_off"] = source.fault
        times, gaps = np.array(source.times), np.array(source.gaps, bool)
        low_confidence = self.options.low_confidence
        assert low_confidence is not None, "filled in before the work is dealt out"
        reasons = source.measures.reasons(times, answers.confidence, low_confidence, gaps=gaps)
        usable = reasons == USABLE
        with _writing(job.labels):
            write_labels(
                job.labels,
                answers.actions,
                times=times,
                frames=np.array(source.frames, np.int64),
                button_probabilities=answers.button_probabilities,
                camera_probability=answers.camera_probability,
                usable=usable,
                reasons=[reason or None for reason in reasons],
                metadata=metadata,
            )
        return VideoResult(
            video=job.video,
            labels=job.labels,
            status="done",
            ticks=len(times),
            unusable=Counter(reasons[~usable].tolist()),
            confidence=float(answers.confidence.mean()),
            cpu_seconds=self.clock() - started,
        )


class _Source:
    """The video's ticks in chunks; remembers what is needed of each once it has passed."""

    def __init__(self, video: Path, options: LabelOptions, labeller: Labeller, report: Report) -> None:
        self.video = video
        self.options = options
        self.size, self.interpolation = labeller.size, labeller.interpolation
        self.report = report
        self.measures = FrameMeasures(options.quality)
        self.times: list[float] = []
        self.frames: list[int] = []
        """Number of the source's frame that each tick shows."""
        self.gaps: list[bool] = []
        """Whether the source leaps after the tick."""
        self.fault = ""
        """Why the video ended before its end, if it did."""

    def chunks(self) -> Generator[NDArray[np.uint8]]:
        """uint8 (n, H, W, 3), n = `CHUNK_TICKS` but for the last."""
        chunk: list[Frame] = []
        for tick in self._ticks():
            self.times.append(tick.seconds)
            self.frames.append(tick.frame)
            self.gaps.append(tick.gap)
            self.measures.add(tick.picture)
            chunk.append(tick.picture)
            if len(chunk) == CHUNK_TICKS:
                yield np.stack(chunk)
                self.report(len(chunk))
                chunk.clear()
        if chunk:
            yield np.stack(chunk)
            self.report(len(chunk))

    def _ticks(self) -> Iterator[Tick]:
        try:
            yield from self._read()
        except VideoError as error:
            if not (self.options.keep_prefix and self.times):
                raise
            self.fault = str(error)

    def _read(self) -> Iterator[Tick]:
        """The ticks. Whatever a hostile file makes of its decoder is that file's fault, and no other's."""
        try:
            yield from read_ticks(self.video, fps=self.options.fps, size=self.size, interpolation=self.interpolation)
        except VideoError:
            raise
        except Exception as error:
            raise VideoError(f"{self.video} cannot be decoded ({type(error).__name__}: {error}).") from error


@contextmanager
def _writing(labels: Path) -> Iterator[None]:
    """Names the label file in what the operating system says of it."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in NAME_ERRORS:
            raise RecordingError(f"{labels} cannot be written: {reason}.") from error
        raise OSError(error.errno or 0, reason, str(labels)) from error
