"""Transformer blocks over time: the policy's memory and the IDM's two directions."""

import pytest
import torch

from learning.nn.attention import Transformer


@pytest.fixture
def causal() -> Transformer:
    torch.manual_seed(0)
    return Transformer(width=16, depth=2, heads=2, causal=True, memory=6)


def test_causal_blocks_ignore_the_future(causal: Transformer) -> None:
    x = torch.randn(1, 8, 16)
    changed = x.clone()
    changed[:, 5:] += 1.0
    torch.testing.assert_close(causal(x)[0][:, :5], causal(changed)[0][:, :5])


def test_both_directions_by_default() -> None:
    both = Transformer(width=16, depth=1, heads=2, reach=3)
    x = torch.randn(1, 8, 16)
    changed = x.clone()
    changed[:, -1] += 1.0
    assert not torch.equal(both(x)[0][:, 0], both(changed)[0][:, 0])


@pytest.mark.parametrize("chunks", [[1] * 12, [5, 7], [3, 1, 8]])
def test_chunks_with_memory_equal_the_whole(causal: Transformer, chunks: list[int]) -> None:
    """Reading in chunks gives what reading at once gives, also when episodes start in the middle."""
    x = torch.randn(2, 12, 16)
    first = torch.zeros(2, 12, dtype=torch.bool)
    first[0, 4] = first[1, 0] = first[1, 9] = True
    whole, _ = causal(x, None, first)
    state, parts, start = None, [], 0
    for length in chunks:
        part, state = causal(x[:, start : start + length], state, first[:, start : start + length])
        parts.append(part)
        start += length
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-4, atol=1e-5)


def test_an_episode_start_hides_what_was_before(causal: Transformer) -> None:
    x = torch.randn(1, 8, 16)
    first = torch.zeros(1, 8, dtype=torch.bool)
    first[0, 3] = True
    fresh, _ = causal(x[:, 3:])
    torch.testing.assert_close(causal(x, None, first)[0][:, 3:], fresh, rtol=1e-4, atol=1e-5)


def test_memory_is_as_long_as_said(causal: Transformer) -> None:
    """With one block a step sees the last `memory` steps, itself included, and no more."""
    block = Transformer(width=16, depth=1, heads=2, causal=True, memory=3)
    x = torch.randn(1, 8, 16)
    changed = x.clone()
    changed[:, 2] += 1.0
    before, after = block(x)[0], block(changed)[0]
    assert not torch.equal(before[:, 4], after[:, 4])
    torch.testing.assert_close(before[:, 5:], after[:, 5:])
