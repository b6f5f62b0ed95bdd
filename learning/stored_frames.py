"""Decoded frames that stay on the disk, without a file that stays open."""

from pathlib import Path
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]


class StoredFrames:
    """uint8 (T, H, W, 3) frames in a `.npy` file, read where they are asked for.

    A thousand recordings would be a thousand open files if each were mapped: many systems allow no more. A frame's
    number gives a frame, a slice gives an array of frames; both are copies.
    """

    ndim = 4

    def __init__(self, path: Path, shape: tuple[int, ...], *, offset: int) -> None:
        """`offset` is where the first frame begins, in bytes."""
        self.path = path
        self.shape = shape
        self._offset = offset
        self._bytes = int(np.prod(shape[1:]))

    @classmethod
    def open(cls, path: Path) -> Self:
        """The frames of a `.npy` file. Raises ValueError for a file of something else."""
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(file)
            offset = file.tell()
        if fortran or dtype != np.uint8 or len(shape) != 4:
            raise ValueError(f"{path} holds {dtype} of shape {shape}; expected uint8 frames (T, H, W, 3)")
        return cls(path, shape, offset=offset)

    def __len__(self) -> int:
        return self.shape[0]

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Frame: ...
    def __getitem__(self, index: int | slice) -> Frame:
        if not isinstance(index, slice):
            number = range(len(self))[index]
            return self._read(number, number + 1).reshape(self.shape[1:])
        ticks = range(len(self))[index]
        if len(ticks) == 0:
            return np.empty((0, *self.shape[1:]), np.uint8)
        if ticks.step != 1:
            return np.stack([self[number] for number in ticks])
        return self._read(ticks.start, ticks.stop)

    def part(self, start: int, stop: int) -> "StoredFrames":
        """Frames `start` to `stop`, unread."""
        ticks = range(len(self))[start:stop]
        return StoredFrames(self.path, (len(ticks), *self.shape[1:]), offset=self._offset + ticks.start * self._bytes)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:] if dtype is None else self[:].astype(dtype)

    def _read(self, start: int, stop: int) -> Frame:
        count = (stop - start) * self._bytes
        found = np.fromfile(self.path, np.uint8, count, offset=self._offset + start * self._bytes)
        return found.reshape(stop - start, *self.shape[1:])
