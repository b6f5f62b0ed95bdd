"""Fixed features of parts of the picture that stand still, such as a hotbar."""

from dataclasses import replace

import pytest
import torch

from idm.config import IDMConfig, motion_identity
from idm.nn.changes import ChangeGrid, cell_changes, mirror_changes
from idm.nn.motion import MotionFeatures

PART = ChangeGrid(size=(32, 32), start=(24, 4), cell=(4, 2), grid=(2, 12))


def pictures() -> torch.Tensor:
    """Two pictures (1, 2, 32, 32): a slot in the third column of the lower row of cells is chosen."""
    luma = torch.full((1, 2, 32, 32), 0.25)
    luma[:, 1, 28:32, 8:10] += 0.5
    luma[:, 1, 30, 30] += 0.5  # right of the part
    return luma


def test_a_cell_that_grows_lighter_is_told() -> None:
    changes = cell_changes(pictures(), PART).view(2, 12)
    expected = torch.zeros(2, 12)
    expected[1, 2] = 0.5
    torch.testing.assert_close(changes, expected)


def test_features_of_mirrored_pictures_are_the_mirrored_features() -> None:
    torch.manual_seed(0)
    luma = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(cell_changes(luma.flip(-1), PART), mirror_changes(cell_changes(luma, PART), PART))
    frames = (torch.rand(1, 3, 32, 32, 3) * 255).byte()
    features = MotionFeatures((), (), (PART,), cursor=True)
    assert features.features == features(frames).shape[-1]
    torch.testing.assert_close(features(frames.flip(3)), features.mirror(features(frames)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("wrong", [{"start": (26, 4)}, {"start": (24, 2)}, {"cell": (0, 2)}, {"grid": (2, 13)}])
def test_a_part_that_is_not_in_the_middle_of_the_picture_is_refused(wrong: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="do not lie in the middle"):
        replace(PART, **wrong)


def test_the_parts_are_among_what_the_features_depend_on() -> None:
    without = IDMConfig(frame_size=(32, 32), appearance="pairs", cursor_outputs=0)
    config = replace(without, changes=(PART,))
    assert config.has_motion
    assert motion_identity(config) not in (None, motion_identity(replace(without, changes=(ChangeGrid(),))))
    assert IDMConfig.from_dict(config.to_dict()) == config
