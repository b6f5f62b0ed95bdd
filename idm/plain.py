"""VPT's inverse dynamics model written down plainly, layer after layer, from a dictionary of OpenAI's tensors.

The measure of the fast one: `ghostkeys bench idm` runs both in turn, and tests compare what they give. It computes what
OpenAI's public code computes (arXiv 2206.11795, appendix D), discarded results included, with torch's own operations.
"""

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

Tensors = Mapping[str, Tensor]


def plain_idm(tensors: Tensors, frames: Tensor, *, heads: int, temperature: float) -> tuple[Tensor, Tensor]:
    """frames: uint8 (B, T, H, W, 3) of one window each -> log-probabilities (B, T, 20, 2) and (B, T, 2, 11).

    `tensors` have OpenAI's names.
    """
    batch, time = frames.shape[:2]
    images = (frames.float() / 255.0).permute(0, 4, 1, 2, 3)  # (B, 3, T, H, W)
    weight, bias = tensors["net.conv3d_layer.layer.weight"], tensors["net.conv3d_layer.layer.bias"]
    images = F.relu(F.conv3d(images, weight, bias, padding=(2, 0, 0)))  # (B, 128, T, H, W)
    x = images.transpose(1, 2).flatten(0, 1).contiguous()  # (B T, 128, H, W)
    for stack in range(_count(tensors, "net.img_process.cnn.stacks")):
        x = _down_stack(tensors, f"net.img_process.cnn.stacks.{stack}", x)
    x = _dense(tensors, "net.img_process.cnn.dense", x.flatten(1))
    x = _dense(tensors, "net.img_process.linear", x).view(batch, time, -1)  # (B, T, D)
    for block in range(_count(tensors, "net.recurrent_layer.blocks")):
        x = _block(tensors, f"net.recurrent_layer.blocks.{block}", x, heads)
    x = F.relu(x)
    _dense(tensors, "net.lastlayer", x)  # discarded, as in the public code
    x = _layer_norm(tensors, "net.final_ln", x)
    buttons = _linear(tensors, "pi_head.buttons.linear_layer", x).view(batch, time, -1, 2)
    camera = _linear(tensors, "pi_head.camera.linear_layer", x).view(batch, time, 2, -1)
    return (buttons / temperature).log_softmax(-1), (camera / temperature).log_softmax(-1)


def _down_stack(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C', H / 2, W / 2)."""
    x = F.max_pool2d(_conv(tensors, f"{name}.firstconv", x), kernel_size=3, stride=2, padding=1)
    x = F.group_norm(x, 1, tensors[f"{name}.n.weight"], tensors[f"{name}.n.bias"])
    for block in range(_count(tensors, f"{name}.blocks")):
        x = x + _conv(tensors, f"{name}.blocks.{block}.conv1", _conv(tensors, f"{name}.blocks.{block}.conv0", x))
    return x


def _conv(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    x = F.group_norm(x, 1, tensors[f"{name}.norm.weight"], tensors[f"{name}.norm.bias"])
    return F.relu(F.conv2d(x, tensors[f"{name}.layer.weight"], padding=1))


def _block(tensors: Tensors, name: str, x: Tensor, heads: int) -> Tensor:
    """x: (B, T, D) -> the same shape."""
    y = _layer_norm(tensors, f"{name}.pre_r_ln", x)
    a = y + _attention(tensors, f"{name}.r.orc_block", y, heads)
    return a + _linear(tensors, f"{name}.mlp1.layer", _dense(tensors, f"{name}.mlp0", a))


def _attention(tensors: Tensors, name: str, y: Tensor, heads: int) -> Tensor:
    """y: (B, T, D) -> the same shape."""
    batch, time, width = y.shape
    query, key, value = (
        _linear(tensors, f"{name}.{part}_layer", y).view(batch, time, heads, -1).transpose(1, 2) for part in "qkv"
    )  # (B, h, T, D / h) each
    _linear(tensors, f"{name}.r_layer", y)  # of relative positions, of which the published model has none
    weights = (query @ key.transpose(2, 3) / query.shape[3]).softmax(-1)  # (B, h, T, T)
    attended = (weights @ value).transpose(1, 2).reshape(batch, time, width)
    return _linear(tensors, f"{name}.proj_layer", attended)


def _dense(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    return F.relu(_linear(tensors, f"{name}.layer", _layer_norm(tensors, f"{name}.norm", x)))


def _layer_norm(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], tensors[f"{name}.weight"], tensors[f"{name}.bias"])


def _linear(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    return F.linear(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))


def _count(tensors: Tensors, name: str) -> int:
    """How many are called `name`.0, `name`.1, ..."""
    return len({key[len(name) + 1 :].split(".")[0] for key in tensors if key.startswith(f"{name}.")})
