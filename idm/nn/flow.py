"""Fixed features of dense optical flow: where each cell of the picture went in the next, to a small part of a pixel.

A step sideways moves the ground by a pixel or less a tick, so that what a key does shows only in fractions of pixels.
Dense inverse search (Kroeger et al., ECCV 2016; OpenCV's) on the finest scale finds them; five numbers a cell keep what
is of use and little else to overfit to.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PER_CELL = 5
"""Mean shift right and down, their spread, and the mean difference that the flow leaves between the pictures."""
PATCH = 8
"""Side of the patches that are matched, in pixels."""


@dataclass(frozen=True, kw_only=True)
class FlowGrid:
    """The size at which flow is worked out and the cells it is summed up in, (vertical, horizontal)."""

    size: tuple[int, int] = (128, 128)
    """Rows and columns the frame is reduced to."""
    grid: tuple[int, int] = (8, 8)
    """Cells; they must divide the rows and columns."""
    stride: int = 4
    """Pixels from one patch to the next: fewer are more exact and slower."""
    iterations: int = 8
    """Steps of gradient descent for each patch."""

    def __post_init__(self) -> None:
        if any(cells < 1 or size % cells for size, cells in zip(self.size, self.grid, strict=True)):
            raise ValueError(f"a grid of {self.grid} cells does not divide {self.size} rows and columns")
        if min(self.size) < 2 * PATCH:
            raise ValueError(f"flow at {self.size} pixels: expected {2 * PATCH} or more a side")
        if not 1 <= self.stride <= PATCH or self.iterations < 1:
            raise ValueError(
                f"flow with stride {self.stride}, iterations {self.iterations}: expected a stride of 1 to {PATCH} "
                "pixels and one iteration or more"
            )

    @property
    def features(self) -> int:
        """Numbers per frame."""
        return self.grid[0] * self.grid[1] * PER_CELL


def flow_features(luma: Tensor, part: FlowGrid) -> Tensor:
    """What moved in each cell: (B, T, H, W), 0 to 1, at the part's size -> (B, T - 1, features).

    OpenCV works on the processor, wherever the pictures are. Equal pictures give equal numbers, whatever the threads.
    """
    pictures = (luma * 255.0).round().clamp(0.0, 255.0).byte().cpu().numpy()
    search = _search(part)
    flows = np.empty((len(pictures), max(0, pictures.shape[1] - 1), part.features), np.float32)
    for clip, target in zip(pictures, flows, strict=True):
        for number in range(len(target)):
            target[number] = _summed_up(clip[number], clip[number + 1], search, part)
    return torch.from_numpy(flows).to(luma.device)


def mirror_flow(features: Tensor, part: FlowGrid) -> Tensor:
    """The features of the mirrored frames, but for rounding. (..., features) -> the same shape."""
    signs = torch.tensor([-1.0, 1.0, 1.0, 1.0, 1.0], device=features.device, dtype=features.dtype)
    cells = features.view(*features.shape[:-1], *part.grid, PER_CELL)
    return (cells.flip(-2) * signs).flatten(-3)


def _search(part: FlowGrid) -> cv2.DISOpticalFlow:
    """OpenCV's dense inverse search down to single pixels, without the variational smoothing after it."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    search.setFinestScale(0)
    search.setPatchSize(PATCH)
    search.setPatchStride(part.stride)
    search.setGradientDescentIterations(part.iterations)
    search.setVariationalRefinementIterations(0)
    return search


def _summed_up(
    picture: NDArray[np.uint8], following: NDArray[np.uint8], search: cv2.DISOpticalFlow, part: FlowGrid
) -> NDArray[np.float32]:
    """Two pictures (H, W) -> (features,)."""
    found = search.calc(picture, following, np.empty((0, 0), np.float32))
    flow = np.asarray(found, np.float32)  # (H, W, 2): right, down
    height, width = part.size
    right = flow[..., 0] + np.arange(width, dtype=np.float32)
    down = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    left = cv2.absdiff(cv2.remap(following, right, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), picture)
    mean, difference = _means(flow, part), _means(left.astype(np.float32), part)
    spread = np.sqrt(np.maximum(_means(flow * flow, part) - mean * mean, 0.0))
    return np.concatenate([mean, spread, difference[..., None]], axis=-1).ravel()


def _means(values: NDArray[np.float32], part: FlowGrid) -> NDArray[np.float32]:
    """(H, W, ...) -> (rows, columns, ...): the mean of each cell."""
    return np.asarray(cv2.resize(values, part.grid[::-1], interpolation=cv2.INTER_AREA), np.float32)
