"""3x3 convolution with a quarter of the multiplications, for inference on CPUs.

Winograd's F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308): the image is cut into tiles of 6x6 that overlap by 2; tiles
and filters are transformed and multiplied point by point, which over all tiles and channels is one matrix product for
each of the 36 points; the products are transformed back to tiles of 4x4. The points are 0, ±√½, ±√2 and infinity: the
largest error in float32 is about 5e-6 of outputs around 1, an eighth of that with the usual 0, ±1, ±2 and infinity.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK_TILES = 256
"""Tiles transformed and multiplied at once: many make fast matrix products, few stay in a cache of some MB."""
MIN_CHANNELS = 64
"""With fewer channels in or out, the transforms cost what the saved multiplications gain."""

_A, _B = sqrt(0.5), sqrt(2.0)
_FILTER_TRANSFORM = (
    (1.0, 0.0, 0.0),
    (-2 / 3, -2 / 3 * _A, -1 / 3),
    (-2 / 3, 2 / 3 * _A, -1 / 3),
    (1 / 6, 1 / 6 * _B, 1 / 3),
    (1 / 6, -1 / 6 * _B, 1 / 3),
    (0.0, 0.0, 1.0),
)


class WinogradFilters:
    """The transformed filters of a convolution, kept until its weight changes."""

    def __init__(self) -> None:
        self._filters: Tensor | None = None
        self._source: tuple[int, int] | None = None

    def of(self, weight: Tensor) -> Tensor:
        """weight: (O, C, 3, 3) -> (36, C, O)."""
        source = (weight.data_ptr(), weight._version)
        if self._filters is None or source != self._source:
            self._filters = transform_filters(weight)
            self._source = source
        return self._filters

    def forget(self) -> None:
        """Frees their memory, 4 times the weight's."""
        self._filters = None

    def __reduce__(self) -> tuple[type["WinogradFilters"], tuple[()]]:
        return WinogradFilters, ()  # a copy of a model makes its own


def suits(layer: nn.Conv2d, images: Tensor) -> bool:
    """Whether `convolve` may stand for `layer(images)`: on a CPU, in float32, without gradients, with many channels."""
    return (
        images.device.type == "cpu"
        and images.dtype == layer.weight.dtype == torch.float32
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not layer.weight.is_inference()  # whose changes nobody counts
        and min(layer.in_channels, layer.out_channels) >= MIN_CHANNELS
        and images.shape[2] % 4 == 0
        and images.shape[3] % 4 == 0
    )


def transform_filters(weight: Tensor) -> Tensor:
    """weight: (O, C, 3, 3) -> (36, C, O)."""
    transform = torch.tensor(_FILTER_TRANSFORM, dtype=torch.float64)
    points = torch.einsum("ij,ocjk,lk->ilco", transform, weight.detach().double(), transform)  # (6, 6, C, O)
    return points.flatten(0, 1).to(weight.dtype)


def convolve(
    images: Tensor,
    filters: Tensor,
    *,
    affine: tuple[Tensor, Tensor] | None = None,
    bias: Tensor | None = None,
    relu: bool = False,
) -> Tensor:
    """A 3x3 convolution with padding 1 of the images times `affine[0]` plus `affine[1]`, and a ReLU if asked for.

    images: (N, C, H, W), H and W multiples of 4; filters: (36, C, O), transformed; affine: (N, C, 1, 1) both;
    bias: (O,) -> (N, O, H, W), channels last in memory.
    """
    count, channels, height, width = images.shape
    outputs = filters.shape[2]
    rows, columns = height // 4, width // 4
    images = images.permute(0, 2, 3, 1)  # (N, H, W, C)
    result = images.new_empty(count, height, width, outputs)
    blocks = list(_blocks(count, rows, columns))
    most = max(len(some_images) * len(some_rows) * columns for some_images, some_rows in blocks)
    points = images.new_empty(36, most, channels)
    products = images.new_empty(36, most, outputs)
    for some_images, some_rows in blocks:
        shape = (len(some_images), len(some_rows), columns)
        tiles = len(some_images) * len(some_rows) * columns
        image, top, bottom = slice(some_images.start, some_images.stop), 4 * some_rows.start, 4 * some_rows.stop
        above, below = int(top == 0), int(bottom == height)  # lines of zeros
        source = images[image, top - 1 + above : bottom + 1 - below]
        target = result[image, top:bottom]  # (n, 4 r, W, O)
        padded = F.pad(source, (0, 0, 1, 1, above, below))  # (n, 4 r + 2, W + 2, C)
        if affine is not None:
            inner = padded[:, above : padded.shape[1] - below, 1:-1]
            scale, shift = (each[image].permute(0, 2, 3, 1) for each in affine)  # (n, 1, 1, C)
            torch.addcmul(shift, source, scale, out=inner)
        _to_points(padded, points[:, :tiles].view(6, 6, *shape, channels))
        torch.bmm(points[:, :tiles], filters, out=products[:, :tiles])
        _from_points(products[:, :tiles].view(6, 6, *shape, outputs), target)
        if bias is not None:
            target += bias
        if relu:
            target.relu_()
    return result.permute(0, 3, 1, 2)


def _blocks(count: int, rows: int, columns: int) -> Iterator[tuple[range, range]]:
    """Covers `count` images of so many rows and columns of tiles: the images and the rows of each block."""
    images_at_once = max(BLOCK_TILES // (rows * columns), 1)
    rows_at_once = min(max(BLOCK_TILES // columns, 1), rows)
    for image, row in product(range(0, count, images_at_once), range(0, rows, rows_at_once)):
        yield range(image, min(image + images_at_once, count)), range(row, min(row + rows_at_once, rows))


def _to_points(source: Tensor, points: Tensor) -> None:
    """source: (n, 4 r + 2, 4 c + 2, C) -> points: (6, 6, n, r, c, C), of each tile."""
    rows, columns = points.shape[3:5]
    down = [source[:, i : i + 4 * rows - 3 : 4] for i in range(6)]  # 6 of (n, r, W + 2, C)
    lines = source.new_empty(6, *down[0].shape)
    _transform_pixels(down, lines.unbind())
    across = [lines[:, :, :, i : i + 4 * columns - 3 : 4] for i in range(6)]  # 6 of (6, n, r, c, C)
    _transform_pixels(across, points.unbind(1))


def _from_points(products: Tensor, target: Tensor) -> None:
    """products: (6, 6, n, r, c, O) -> target: (n, 4 r, 4 c, O)."""
    lines = products.new_empty(4, *products.shape[1:])
    _transform_products(products.unbind(), lines.unbind())
    pixels = target.view(*products.shape[2:4], 4, products.shape[4], 4, -1)  # (n, r, 4, c, 4, O)
    _transform_products(lines.unbind(1), pixels.permute(4, 2, 0, 1, 3, 5).unbind())


def _transform_pixels(d: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Six pixels in a row -> the points of the polynomial they stand for."""
    even = torch.sub(d[4], d[2], alpha=2.0)
    odd = torch.sub(d[3], d[1], alpha=2.0)
    torch.add(even, odd, alpha=_A, out=out[1])
    torch.sub(even, odd, alpha=_A, out=out[2])
    torch.sub(d[0], d[2], alpha=0.5, out=out[0]).add_(even)
    torch.sub(d[4], d[2], alpha=0.5, out=even)
    torch.sub(d[3], d[1], alpha=0.5, out=odd)
    torch.add(even, odd, alpha=_B, out=out[3])
    torch.sub(even, odd, alpha=_B, out=out[4])
    torch.sub(d[5], d[3], alpha=0.5, out=out[5]).sub_(odd, alpha=2.0)


def _transform_products(m: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """The products at six points -> four pixels in a row."""
    near, far = torch.add(m[1], m[2]), torch.add(m[3], m[4])
    torch.add(m[0], near, out=out[0]).add_(far)
    torch.mul(near, 0.5, out=out[2]).add_(far, alpha=2.0)
    torch.sub(m[1], m[2], out=near)
    torch.sub(m[3], m[4], out=far)
    torch.mul(near, _A, out=out[1]).add_(far, alpha=_B)
    torch.add(m[5], near, alpha=_A / 2, out=out[3]).add_(far, alpha=2 * _B)
