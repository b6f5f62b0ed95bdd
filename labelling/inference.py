"""A model on its device as labelling uses it: in the precision asked for, and for several threads at once."""

import threading
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from idm.model import ActionLogits, InverseDynamicsModel, Prediction
from learning.precision import Precision


@dataclass(eq=False)
class _Request:
    """What one thread wants computed."""

    rows: Tensor  # (B, T, ...): frames to encode, or encoded windows to read, (B, T, V, D)
    kept: slice | None
    """The frames to encode; None for windows to read."""
    answer: tuple[Tensor, ...] | None = None
    error: BaseException | None = None

    def fits(self, other: "_Request") -> bool:
        """Whether both can be computed as one batch."""
        return self.kept == other.kept and self.rows.shape[1:] == other.rows.shape[1:]


class Inference:
    """Computes for one thread or for several: what threads ask for while the model is busy becomes one batch.

    `precision` bfloat16 computes products in bfloat16, for GPUs; log-probabilities then differ in the second or third
    decimal place. `compiled` lets torch.compile build the image network. `mirrored` averages with what the model says
    of the mirrored clip; by default where its `mirrors` says so.
    """

    def __init__(
        self,
        model: InverseDynamicsModel,
        *,
        precision: Precision = "float32",
        compiled: bool = False,
        mirrored: bool | None = None,
    ) -> None:
        self.model = model
        self.mirrored = model.mirrors(mirrored)
        self.device = next(model.parameters()).device
        self.precision = precision
        if compiled:
            model.compile_images()
        self._busy = threading.Lock()
        self._changing = threading.Lock()
        self._waiting: list[_Request] = []

    def to_device(self, frames: NDArray[np.uint8]) -> Tensor:
        """A chunk of frames where the model is; towards a GPU the copy runs beside the computation."""
        chunk = torch.from_numpy(frames)
        if self.device.type == "cuda":
            return chunk.pin_memory().to(self.device, non_blocking=True)
        return chunk.to(self.device)

    def encode(self, frames: Tensor, kept: slice) -> Tensor:
        """uint8 (T, H, W, 3), and which of them -> (kept, V, D)."""
        return self._ask(_Request(frames[None], kept))[0][0]

    def read(self, encoded: Tensor) -> ActionLogits:
        """The encoded frames of a window each, (B, T, V, D) -> calibrated log-probabilities."""
        return ActionLogits(*self._ask(_Request(encoded, None)))

    def decide(self, logits: ActionLogits) -> Prediction:
        """What `read` gives of T ticks -> actions."""
        return self.model.decide(logits, mirrored=self.mirrored)

    def _ask(self, request: _Request) -> tuple[Tensor, ...]:
        with self._changing:
            self._waiting.append(request)
        with self._busy:  # whoever comes first computes for all that fit
            if request.answer is None and request.error is None:
                with self._changing:
                    batch = [other for other in self._waiting if other.fits(request)]
                    self._waiting = [other for other in self._waiting if other not in batch]
                self._compute(batch)
        if request.error is not None:
            raise request.error
        assert request.answer is not None
        return request.answer

    @torch.inference_mode()
    def _compute(self, batch: list[_Request]) -> None:
        try:
            rows = torch.cat([request.rows for request in batch])
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                kept = batch[0].kept
                if kept is None:
                    answers: tuple[Tensor, ...] = self.model.infer_encoded(rows)
                else:
                    answers = (self.model.encode_views(rows, kept=kept, mirrored=self.mirrored),)
            sizes = [len(request.rows) for request in batch]
            parts = [torch.split(answer.float(), sizes) for answer in answers]
            for request, answer in zip(batch, zip(*parts, strict=True), strict=True):
                request.answer = answer
        except BaseException as error:
            for request in batch:
                request.error = error
