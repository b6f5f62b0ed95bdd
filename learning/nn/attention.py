"""Transformer blocks over time, for models that see both directions (IDM) or only the past (policy).

The form is VPT's (arXiv 2206.11795, appendix D): pre-norm with the residual taken from the normalised input, logits
scaled by 1 / head width, a learnt relative-position term, and for the policy a clipped causal window over a memory of
past keys and values.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from learning.nn.impala import FanInLinear, scale_rows_

RELATIVE_RANK = 10
"""Learnt components of the relative-position term per head (VPT's number)."""


class Memory(NamedTuple):
    """Keys and values of the last M steps, oldest first, and which of them belong to the running episode."""

    keys: Tensor  # (B, M, D)
    values: Tensor  # (B, M, D)
    valid: Tensor  # (B, M) bool


class RelativePosition(nn.Module):
    """A term added to attention logits that depends on the query and on how far back (or ahead) the key lies.

    Covers key offsets from `past - 1` steps back to `future` steps ahead; beyond these the term is 0. Where it covers
    none, as in VPT's published IDM, its weights are kept and do nothing.
    """

    def __init__(self, width: int, heads: int, *, past: int, future: int) -> None:
        super().__init__()
        self.heads = heads
        self.future = future
        self.coefficients = nn.Linear(width, RELATIVE_RANK * heads)
        scale_rows_(self.coefficients.weight, 0.1)
        nn.init.zeros_(self.coefficients.bias)
        self.basis = nn.Parameter(0.2 * torch.randn(RELATIVE_RANK, past + future))
        self.requires_grad_(past + future > 0)

    def forward(self, x: Tensor, key_count: int) -> Tensor | None:
        """x: queries (B, T, D); the last of the keys is the last query's own step -> (B, heads, T, key_count)."""
        if self.basis.numel() == 0:
            return None
        batch, time, _ = x.shape
        coefficients = self.coefficients(x).view(batch, time, self.heads, RELATIVE_RANK).transpose(1, 2)  # (B, h, T, R)
        by_offset = coefficients @ self.basis  # (B, h, T, past + future)
        queries = torch.arange(key_count - time, key_count, device=x.device)
        keys = torch.arange(key_count, device=x.device)
        offset = queries[:, None] - keys[None, :] + self.future  # (T, keys)
        inside = (offset >= 0) & (offset < self.basis.shape[1])
        index = offset.clamp(0, self.basis.shape[1] - 1).expand(batch, self.heads, -1, -1)
        term: Tensor = by_offset.gather(3, index) * inside
        return term


class SelfAttention(nn.Module):
    """Multi-head attention over time; with `causal`, over the last `memory` steps only, the step itself included.

    Without `causal` each step sees the whole chunk and the `memory` steps before it, zeros where there were none: VPT
    masks nothing there.
    """

    def __init__(
        self, width: int, heads: int, *, causal: bool, memory: int, reach: int | None, init_norm: float
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of heads {heads}")
        self.heads = heads
        self.causal = causal
        self.memory = memory
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.project = nn.Linear(width, width)
        past, future = (memory, 0) if causal or reach is None else (reach + 1, reach)
        needed = past + future > 1 or reach is None
        self.relative = RelativePosition(width, heads, past=past, future=future) if needed else None
        for layer, norm in ((self.query, 0.1), (self.key, 0.2), (self.value, init_norm), (self.project, init_norm)):
            scale_rows_(layer.weight, norm)
        nn.init.zeros_(self.query.bias)
        nn.init.zeros_(self.project.bias)

    def initial_memory(self, batch: int, device: torch.device | str = "cpu") -> Memory:
        """An empty memory."""
        zeros = torch.zeros(batch, self.memory, self.query.in_features, device=device)
        return Memory(zeros, zeros, torch.zeros(batch, self.memory, dtype=torch.bool, device=device))

    def forward(self, x: Tensor, memory: Memory, segment: Tensor) -> tuple[Tensor, Memory]:
        """x: (B, T, D). `segment` (B, T) counts the episode starts so far in this chunk; 0 continues the memory."""
        keys = torch.cat([memory.keys, self.key(x)], dim=1)  # (B, M + T, D)
        values = torch.cat([memory.values, self.value(x)], dim=1)
        bias = self.relative(x, keys.shape[1]) if self.relative is not None else None  # (B, h, T, M + T)
        if self.causal:
            visible = self._visible(memory, segment)[:, None]  # (B, 1, T, M + T)
            bias = visible if bias is None else bias.masked_fill(~visible, float("-inf"))
        query, key, value = (self._split(t) for t in (self.query(x), keys, values))  # (B, h, ., e)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0 / query.shape[-1])
        out: Tensor = self.project(attended.transpose(1, 2).flatten(2))  # (B, T, D)
        return out, self._remember(memory, segment, keys, values)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, h, T, D / h)."""
        batch, time, width = x.shape
        return x.view(batch, time, self.heads, width // self.heads).transpose(1, 2)

    def _visible(self, memory: Memory, segment: Tensor) -> Tensor:
        """Which keys each query may see: (B, T, M + T) bool."""
        time, past = segment.shape[1], memory.valid.shape[1]
        query = torch.arange(time, device=segment.device)[:, None] + past
        key = torch.arange(past + time, device=segment.device)[None, :]
        window = (key <= query) & (key > query - self.memory)  # (T, M + T)
        known = memory.valid[:, None, :] & (segment == 0)[:, :, None]  # (B, T, M)
        same = segment[:, :, None] == segment[:, None, :]  # (B, T, T)
        return window & torch.cat([known, same], dim=2)

    def _remember(self, memory: Memory, segment: Tensor, keys: Tensor, values: Tensor) -> Memory:
        length = memory.valid.shape[1]
        if length == 0:
            return memory
        last = segment[:, -1:]
        valid = torch.cat([memory.valid & (last == 0), segment == last], dim=1)
        return Memory(keys[:, -length:], values[:, -length:], valid[:, -length:])


class TransformerBlock(nn.Module):
    """Attention over time, then an MLP of `ratio` times the width."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        causal: bool,
        memory: int = 0,
        reach: int | None = 0,
        ratio: int = 4,
        init_norm: float = 0.5,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal=causal, memory=memory, reach=reach, init_norm=init_norm)
        self.mlp = nn.Sequential(
            FanInLinear(width, ratio * width),
            FanInLinear(ratio * width, width, norm=False, activation=False, init_norm=init_norm),
        )

    def forward(self, x: Tensor, memory: Memory, segment: Tensor) -> tuple[Tensor, Memory]:
        """x: (B, T, D) -> the same shape, and the memory for the next chunk."""
        y = self.norm(x)
        attended, memory = self.attention(y, memory, segment)
        a = y + attended
        return a + self.mlp(a), memory


class Transformer(nn.Module):
    """Blocks over time, both directions by default; `memory` steps carry over between chunks.

    Models that see both directions know relative positions up to `reach` steps away; causal ones, and all with a reach
    of None, up to their memory and only backwards (as VPT).
    """

    def __init__(
        self,
        *,
        width: int,
        depth: int,
        heads: int,
        causal: bool = False,
        memory: int = 0,
        reach: int | None = 0,
        ratio: int = 4,
    ) -> None:
        super().__init__()
        if causal and memory < 1:
            raise ValueError("a causal transformer needs memory >= 1: each step sees that many steps, itself included")
        init_norm = (2 * max(depth, 1)) ** -0.5
        self.blocks = nn.ModuleList(
            TransformerBlock(width, heads, causal=causal, memory=memory, reach=reach, ratio=ratio, init_norm=init_norm)
            for _ in range(depth)
        )

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> list[Memory]:
        """The memory before the first chunk, one entry a block."""
        return [block.attention.initial_memory(batch, device) for block in self._blocks()]

    def forward(
        self, x: Tensor, state: list[Memory] | None = None, first: Tensor | None = None
    ) -> tuple[Tensor, list[Memory]]:
        """x: (B, T, D); first: (B, T) bool, True where an episode starts -> (B, T, D) and the state for the next chunk.

        A start anywhere in the chunk hides everything before it from the steps after it.
        """
        batch, time, _ = x.shape
        if state is None:
            state = self.initial_state(batch, x.device)
        if first is None:
            first = torch.zeros(batch, time, dtype=torch.bool, device=x.device)
        segment = first.long().cumsum(1)  # (B, T)
        next_state: list[Memory] = []
        for block, memory in zip(self._blocks(), state, strict=True):
            x, memory = block(x, memory, segment)
            next_state.append(memory)
        return x, next_state

    def _blocks(self) -> list[TransformerBlock]:
        return [block for block in self.blocks if isinstance(block, TransformerBlock)]
