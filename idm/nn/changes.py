"""Fixed features of parts of the picture that stand still while the world moves: by how much each cell grew lighter.

A chosen slot of the hotbar is a frame of a pixel's width, at the picture's edge, that leaps from one place to another:
no shift of a tile tells it, and a network on whole pictures takes many examples to find it.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ChangeGrid:
    """A part of the picture and the cells it is cut into, all in pixels of `size`, (vertical, horizontal)."""

    size: tuple[int, int] = (128, 128)
    """Rows and columns the frame is reduced to."""
    start: tuple[int, int] = (112, 0)
    """Upper left corner of the part, which lies in the middle between left and right."""
    cell: tuple[int, int] = (4, 2)
    """Height and width of a cell."""
    grid: tuple[int, int] = (4, 64)
    """Cells down and across."""

    def __post_init__(self) -> None:
        height, width = (cell * number for cell, number in zip(self.cell, self.grid, strict=True))
        below, right = self.size[0] - self.start[0] - height, self.size[1] - self.start[1] - width
        if min(*self.cell, *self.grid) < 1 or min(*self.start, below) < 0 or right != self.start[1]:
            raise ValueError(
                f"{self.grid} cells of {self.cell} pixels from {self.start} on do not lie in the middle of {self.size} "
                "pixels: expected as much room on the right as on the left, and none beyond the picture"
            )

    @property
    def features(self) -> int:
        """Numbers per frame."""
        return self.grid[0] * self.grid[1]


def cell_changes(luma: Tensor, part: ChangeGrid) -> Tensor:
    """How much lighter each cell is in the next picture: (B, T, H, W), 0 to 1 -> (B, T - 1, features)."""
    (top, left), (tall, wide), (rows, columns) = part.start, part.cell, part.grid
    seen = luma[..., top : top + rows * tall, left : left + columns * wide]
    means = seen.reshape(*luma.shape[:2], rows, tall, columns, wide).mean((3, 5))  # (B, T, rows, columns)
    return (means[:, 1:] - means[:, :-1]).flatten(2)


def mirror_changes(features: Tensor, part: ChangeGrid) -> Tensor:
    """The features of the mirrored frames. (..., features) -> the same shape."""
    return features.view(*features.shape[:-1], *part.grid).flip(-1).flatten(-2)
