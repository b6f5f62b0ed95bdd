"""Phase correlation: it tells by how much a window's content has shifted."""

import pytest
import torch

from idm.nn.phase import PEAKS, PER_PEAK, PhaseScale, mirror_shifts, phase_shifts

SCALE = PhaseScale(size=(64, 96), window=(32, 32), step=(16, 32), radius=(12, 8))


def scenery(seed: int = 0) -> torch.Tensor:
    """A picture larger than the view, (128, 160), with detail of several sizes."""
    noise = torch.rand(1, 1, 128, 160, generator=torch.Generator().manual_seed(seed))
    return (255 * torch.nn.functional.avg_pool2d(noise, 3, 1, 1))[0, 0]


def views(shift: tuple[int, int]) -> torch.Tensor:
    """Two frames (1, 2, 64, 96); the content of the second lies `shift` (down, right) of the first's."""
    picture = scenery()
    down, right = shift
    return torch.stack([picture[30:94, 30:126], picture[30 - down : 94 - down, 30 - right : 126 - right]])[None]


@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (-7, 2), (5, -6), (1, 1)])
def test_a_shift_is_found_in_every_window(shift: tuple[int, int]) -> None:
    features = phase_shifts(views(shift), SCALE)
    assert features.shape == (1, 1, SCALE.features)
    first_peak = features.view(-1, PEAKS, PER_PEAK)[:, 0]
    assert torch.allclose(first_peak[:, :2], torch.tensor(shift).float().expand(len(first_peak), 2), atol=0.35)


def test_a_mirrored_pair_has_mirrored_features() -> None:
    frames = views((4, -3))
    mirrored = phase_shifts(frames.flip(-1), SCALE).view(-1, PEAKS, PER_PEAK)[:, 0]
    expected = mirror_shifts(phase_shifts(frames, SCALE), SCALE).view(-1, PEAKS, PER_PEAK)[:, 0]
    assert torch.allclose(mirrored, expected, atol=1e-2)


def test_windows_must_fill_the_picture() -> None:
    with pytest.raises(ValueError, match="multiple of step"):
        PhaseScale(size=(128, 128), window=(64, 64), step=(30, 32))
