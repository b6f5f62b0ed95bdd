"""Frames of one video -> what was pressed at each tick, in overlapping windows, several at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from env.actions import BUTTONS, Actions
from env.video.pictures import Size
from idm.model import ActionLogits, InverseDynamicsModel, Prediction
from idm.reliability import camera_probability, tick_confidence
from labelling.inference import Inference
from labelling.windows import Window, WindowPlanner
from learning.data import Interpolation


@dataclass(frozen=True)
class Answers:
    """What the model says of a run of ticks."""

    actions: Actions
    button_probabilities: NDArray[np.float32]
    """(T, 20) of being pressed."""
    camera_probability: NDArray[np.float32]
    """(T,) of the view's turn lying within a bin of the one given, on both axes."""

    @classmethod
    def from_prediction(cls, prediction: Prediction) -> "Answers":
        """From the model's log-probabilities."""
        pressed = np.exp(prediction.button_log_probs[..., 1])
        return cls(prediction.actions, pressed, camera_probability(prediction))

    @classmethod
    def concatenate(cls, parts: Sequence["Answers"]) -> "Answers":
        """One run after the other."""
        return cls(
            Actions.concatenate([part.actions for part in parts]),
            np.concatenate([np.zeros((0, len(BUTTONS)), np.float32), *(part.button_probabilities for part in parts)]),
            np.concatenate([np.zeros(0, np.float32), *(part.camera_probability for part in parts)]),
        )

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(T,) the probability that all 20 buttons and the camera are right, were they independent."""
        return tick_confidence(self.actions.buttons, self.button_probabilities, self.camera_probability)


class Labeller:
    """Labels videos; what it holds of a video is a few windows, however long the video is. Threads may share it."""

    def __init__(self, model: InverseDynamicsModel | Inference, *, window: int, batch: int = 4) -> None:
        self.inference = model if isinstance(model, Inference) else Inference(model)
        self.model = self.inference.model
        self.window = window
        self.batch = batch

    @property
    def size(self) -> Size:
        """(height, width) of the frames the model sees."""
        return self.model.config.frame_size

    @property
    def interpolation(self) -> Interpolation:
        """How pictures are shrunk to it."""
        return self.model.config.interpolation

    def label(self, chunks: Iterable[NDArray[np.uint8]]) -> Iterator[Answers]:
        """chunks: the video's frames in order, uint8 (n, H, W, 3) -> answers for all its ticks in order."""
        planner = WindowPlanner(self.window)
        recent = _Recent()
        waiting: list[Window] = []
        for encoded in self._encode(chunks):
            recent.append(encoded)
            waiting += planner.ready(recent.stop)
            while len(waiting) >= self.batch:
                yield self._answer(waiting[: self.batch], recent)
                del waiting[: self.batch]
            recent.forget(min([planner.first_needed, *(window.start for window in waiting)]))
        waiting += planner.ready(recent.stop, last=True)
        for first in range(0, len(waiting), self.batch):
            yield self._answer(waiting[first : first + self.batch], recent)

    def _encode(self, chunks: Iterable[NDArray[np.uint8]]) -> Iterator[Tensor]:
        """Encodes each frame once, though two windows see it: chunks -> runs of (n, V, D).

        A frame is encoded with the frames around it, so the last ones of a chunk wait for the next chunk.
        """
        around = self.model.around
        frames = torch.zeros((0, *self.size, 3), dtype=torch.uint8, device=self.inference.device)
        done = 0  # of `frames`, those at the front that are encoded and kept for what is around the next
        for chunk in chunks:
            frames = torch.cat([frames, self.inference.to_device(chunk)])
            stop = len(frames) - around
            if stop > done:
                yield self.inference.encode(frames, slice(done, stop))
                done = min(stop, around)
                frames = frames[stop - done :]
        if len(frames) > done:
            yield self.inference.encode(frames, slice(done, len(frames)))

    def _answer(self, windows: Sequence[Window], recent: "_Recent") -> Answers:
        logits = self.inference.read(torch.stack([recent[window.start : window.stop] for window in windows]))
        kept = [
            torch.cat([part[row, window.kept] for row, window in enumerate(windows)])
            for part in (logits.buttons, logits.camera)
        ]
        return Answers.from_prediction(self.inference.decide(ActionLogits(*kept)))


class _Recent:
    """The last ticks of a stream, addressed by their number in the whole."""

    def __init__(self) -> None:
        self.start = 0
        self._ticks: Tensor | None = None

    @property
    def stop(self) -> int:
        return self.start + (0 if self._ticks is None else len(self._ticks))

    def append(self, ticks: Tensor) -> None:
        self._ticks = ticks if self._ticks is None else torch.cat([self._ticks, ticks])

    def forget(self, before: int) -> None:
        """Ticks before this number are not asked for again."""
        if self._ticks is not None and before > self.start:
            self._ticks = self._ticks[before - self.start :]
            self.start = before

    def __getitem__(self, ticks: slice) -> Tensor:
        assert self._ticks is not None
        assert ticks.start >= self.start
        return self._ticks[ticks.start - self.start : ticks.stop - self.start]
