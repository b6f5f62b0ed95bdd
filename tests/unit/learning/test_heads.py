"""Heads: masks, temperatures and normalised values."""

import torch

from learning.nn.heads import CategoricalHead, ValueHead, log_probs


def test_forbidden_classes_are_never_likely() -> None:
    logits = torch.randn(4, 3)
    mask = torch.tensor([True, False, True])
    masked = log_probs(logits, temperature=2.0, mask=mask)
    torch.testing.assert_close(masked.exp().sum(-1), torch.ones(4))
    assert (masked[:, 1] < -90).all()
    torch.testing.assert_close(masked[:, 0] - masked[:, 2], (logits[:, 0] - logits[:, 2]) / 2.0)


def test_a_mask_may_differ_from_item_to_item() -> None:
    head = CategoricalHead(8, [2], 3)
    mask = torch.tensor([[True, True, False], [False, True, True]])
    chances = head(torch.randn(5, 8), mask).exp()
    assert chances.shape == (5, 2, 3)
    assert (chances[:, ~mask] < 1e-30).all()


def test_values_come_back_in_their_own_units() -> None:
    """Having seen many targets, a prediction of the normalised target is that target."""
    head = ValueHead(4).train()
    target = 100.0 + 5.0 * torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    for _ in range(10):
        normalised = head.normalise(target)
    torch.testing.assert_close(head.denormalise(normalised), target)
    assert abs(float(normalised.mean())) < 0.05
    head.eval()
    kept = head.mean.clone()
    head.normalise(target * 2)
    assert torch.equal(head.mean, kept)
