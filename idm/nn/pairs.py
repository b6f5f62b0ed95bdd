"""A small, cheap image network that sees each frame beside the next: for what shows in pixels rather than in motion.

The arm swinging, cracks on a block, the chosen slot of the hotbar, an opened inventory.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FramePairCNN(nn.Module):
    """Patches of each frame are embedded once; convolutions then look at the embeddings of a frame and of the next."""

    def __init__(self, *, size: tuple[int, int], patch: int, channels: Sequence[int], outputs: int) -> None:
        super().__init__()
        shrink = patch * 2 ** (len(channels) - 1)
        if any(side % shrink for side in size):
            raise ValueError(f"frames of {size} cannot be halved {len(channels) - 1} times after patches of {patch}")
        self.patch = patch
        self.embed = nn.Linear(3 * patch**2, channels[0])
        inputs = [2 * channels[0], *channels[1:]]
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1)
            for before, after in zip(inputs, channels[1:], strict=False)
        )
        self.dense = nn.Linear(channels[-1] * (size[0] // shrink) * (size[1] // shrink), outputs)

    def forward(self, frames: Tensor, kept: slice = slice(None)) -> Tensor:
        """frames: uint8 (B, T, H, W, 3) -> features of those in `kept`, (B, kept, outputs).

        The last frame of a window is paired with itself.
        """
        # Scaling the weights instead of the pixels saves passes over the largest arrays.
        weight, bias = self.embed.weight / 127.5, self.embed.bias - self.embed.weight.sum(1)
        x = F.relu(F.linear(patches(frames, self.patch), weight, bias))  # (B, T, H / patch, W / patch, C)
        following = torch.cat([x[:, 1:], x[:, -1:]], dim=1)
        pairs = torch.cat([x, following - x], dim=-1)[:, kept]  # (B, T, H / patch, W / patch, 2 C)
        x = pairs.flatten(0, 1).permute(0, 3, 1, 2)  # channels_last in memory, which convolutions on a CPU like best
        for conv in self.convs:
            x = F.relu(conv(x))
        features: Tensor = F.relu(self.dense(x.flatten(1)))
        return features.view(*pairs.shape[:2], -1)


def patches(frames: Tensor, side: int) -> Tensor:
    """uint8 (B, T, H, W, 3) -> float (B, T, H / side, W / side, 3 side²), 0 to 255."""
    batch, time, height, width, _ = frames.shape
    squares = frames.view(batch, time, height // side, side, width // side, side * 3).transpose(3, 4)
    return squares.flatten(4).float()  # rearranged while still bytes: a quarter of the traffic
