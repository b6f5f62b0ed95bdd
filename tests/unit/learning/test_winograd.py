"""The fast convolution gives what the direct one gives, follows its weight, and keeps out of training."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from learning.nn.impala import FanInConv, OneGroupNorm
from learning.nn.winograd import BLOCK_TILES, MIN_CHANNELS, convolve, suits, transform_filters

TOLERANCE = 2e-5  # of outputs around 1


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def conv(*, norm: bool = True, channels: int = MIN_CHANNELS) -> FanInConv:
    torch.manual_seed(0)
    layer = FanInConv(channels, channels, norm=norm)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.1)
    return layer.eval()


@pytest.mark.parametrize(
    ("count", "height", "width"),
    [(1, 4, 4), (3, 8, 12), (1, 4, 8 * BLOCK_TILES), (2, 4 * BLOCK_TILES + 8, 8), (BLOCK_TILES + 1, 4, 4)],
)
@pytest.mark.parametrize("channels_last", [True, False])
def test_equals_the_direct_convolution(count: int, height: int, width: int, channels_last: bool) -> None:
    """Whatever the images' number, shape and place in memory: also where the blocks do not come out even."""
    images, weight, bias = random(count, 5, height, width), random(7, 5, 3, 3, seed=1) / 7.0, random(7, seed=2)
    scale, shift = random(count, 5, 1, 1, seed=3), random(count, 5, 1, 1, seed=4)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    found = convolve(images, transform_filters(weight), affine=(scale, shift), bias=bias, relu=True)
    doubles = (images.double() * scale + shift, weight.double(), bias.double())
    torch.testing.assert_close(found.double(), F.relu(F.conv2d(*doubles, padding=1)), atol=TOLERANCE, rtol=0.0)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_error_is_small_over_many_channels() -> None:
    """In float32, of outputs around 1; the usual points 0, ±1, ±2 would be off by 2e-5 and more."""
    images, weight = F.relu(random(1, 256, 16, 16)), random(64, 256, 3, 3, seed=1) / 48.0
    truth = F.conv2d(images.double(), weight.double(), padding=1)
    assert (convolve(images, transform_filters(weight)) - truth).abs().max() < 1e-5


@pytest.mark.parametrize("norm", [True, False])
def test_layer_gives_the_same_with_and_without_gradients(norm: bool) -> None:
    layer, images = conv(norm=norm), random(2, MIN_CHANNELS, 8, 8)
    with torch.inference_mode():
        assert suits(layer.layer, images)
        fast = layer(images)
    torch.testing.assert_close(fast, layer(images).detach(), atol=TOLERANCE, rtol=0.0)


def test_a_changed_weight_counts_at_once() -> None:
    """Filters are kept between calls, but an optimiser's step, a loaded checkpoint or a copy makes new ones."""
    layer, images = conv(), random(1, MIN_CHANNELS, 8, 8)

    def check() -> None:
        with torch.no_grad():
            fast = layer(images)
        torch.testing.assert_close(fast, layer(images).detach(), atol=TOLERANCE, rtol=0.0)

    check()
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.1)
    layer(images).square().sum().backward()
    optimiser.step()
    check()
    layer.load_state_dict({name: 0.5 * tensor for name, tensor in layer.state_dict().items()})
    check()
    layer.load_state_dict({name: -tensor for name, tensor in layer.state_dict().items()}, assign=True)
    check()
    layer = deepcopy(layer)
    with torch.inference_mode():
        layer.layer.weight.mul_(2.0)
    check()
    layer.layer.weight.data.mul_(3.0)  # past autograd's knowledge
    layer.eval()
    check()


def test_only_where_it_pays_and_is_right() -> None:
    layer, images = conv().layer, random(1, MIN_CHANNELS, 8, 8)
    with torch.no_grad():
        assert suits(layer, images)
        assert not suits(layer, images.double())
        assert not suits(layer, images[:, :, :7])
        assert not suits(conv(channels=MIN_CHANNELS // 2).layer, images[:, ::2])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert not suits(layer, images)
    assert not suits(layer, images)


def test_norm_without_gradients_is_exact() -> None:
    norm, images = OneGroupNorm(6).eval(), F.relu(random(3, 6, 64, 64) + 0.5)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    images = images.contiguous(memory_format=torch.channels_last)
    truth = F.group_norm(images.double(), 1, norm.weight.double(), norm.bias.double())
    with torch.no_grad():
        torch.testing.assert_close(norm(images).double(), truth, atol=3e-6, rtol=0.0)
    torch.testing.assert_close(norm(images).double(), truth, atol=1e-4, rtol=0.0)
