"""How sure the camera's likeliest bin is made to be."""

import torch

from idm.calibration import fit_camera_top
from idm.model import AS_SURE, sure_as
from idm.reliability import calibration_error

BINS = 7


def drawn(count: int, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities (count, 2, 7) that are too sure of the unsure and not sure enough of the rest; true bins."""
    torch.manual_seed(seed)
    camera = (4.0 * torch.randn(count, 2, BINS)).log_softmax(-1)
    chance = camera.exp().amax(-1)
    right = torch.rand(count, 2) < torch.sigmoid(1.8 * torch.logit(chance, eps=1e-6) + 0.4)
    second = camera.topk(2, dim=-1).indices
    return camera, torch.where(right, second[..., 0], second[..., 1])


def test_the_likeliest_bin_gets_the_probability_with_which_it_is_right() -> None:
    weights = fit_camera_top(*drawn(4000, seed=0))
    camera, true = drawn(4000, seed=1)
    mended = sure_as(camera, weights)
    for axis in (0, 1):
        right = (camera[:, axis].argmax(-1) == true[:, axis]).numpy()
        before, after = (calibration_error(each[:, axis].exp().amax(-1).numpy(), right) for each in (camera, mended))
        assert before is not None
        assert after is not None
        assert before > 0.05
        assert after < 0.02


def test_it_stays_the_likeliest_and_the_rest_share_the_rest() -> None:
    camera, _ = drawn(500, seed=2)
    for weights in ((1.5, 0.9, 0.3), (1.0, 1.0, -9.0), (0.2, 3.0, 9.0)):
        mended = sure_as(camera, torch.tensor(weights).repeat(2, 1))
        torch.testing.assert_close(mended.exp().sum(-1), torch.ones(500, 2))
        assert (mended.gather(-1, camera.argmax(-1, keepdim=True))[..., 0] >= mended.amax(-1) - 1e-5).all()
        order = camera.argsort(-1)[..., :-1]  # all but the likeliest, in proportion
        before, after = camera.gather(-1, order), mended.gather(-1, order)
        torch.testing.assert_close(after - after[..., :1], before - before[..., :1], atol=1e-3, rtol=1e-3)


def test_certainty_and_impossibility_give_finite_numbers() -> None:
    camera = torch.full((1, 2, BINS), -torch.inf)
    camera[..., 3] = 0.0
    mended = sure_as(camera, torch.tensor([[2.0, 2.0, 1.0]] * 2))
    assert mended.exp().sum(-1).allclose(torch.ones(1, 2))
    assert not mended.isnan().any()


def test_without_evidence_nothing_is_changed() -> None:
    assert fit_camera_top(torch.zeros(0, 2, BINS), torch.zeros(0, 2, dtype=torch.long)).equal(
        torch.tensor(AS_SURE).repeat(2, 1)
    )
