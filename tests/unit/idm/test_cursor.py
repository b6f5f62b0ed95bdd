"""The cursor's sensor: it tells where a still picture changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from env.actions import Actions
from idm.config import IDMConfig, motion_identity
from idm.datamodule import with_motion
from idm.model import InverseDynamicsModel, load
from idm.nn.cursor import CURSOR_FEATURES, cursor_features, mirror_cursor
from learning.data import Episode
from tests.unit.idm.clips import TINY

SIZE = (48, 64)
CONFIG = replace(TINY, frame_size=SIZE, cursor_outputs=8, appearance="none", depth=0)


def still_picture() -> torch.Tensor:
    """A dim picture, (48, 64)."""
    return 0.4 * torch.rand(SIZE, generator=torch.Generator().manual_seed(0))


def with_cursor(*places: tuple[int, int]) -> torch.Tensor:
    """A still picture with a bright cursor of 3 x 3 pixels around each place (row, column) in turn: (1, T, 48, 64)."""
    pictures = []
    for y, x in places:
        picture = still_picture()
        picture[y - 1 : y + 2, x - 1 : x + 2] = 1.0
        pictures.append(picture)
    return torch.stack(pictures)[None]


def clip(length: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A cursor that moves now and then, uint8 (T, 48, 64, 3), and its places (T, 2)."""
    rng = np.random.default_rng(0)
    steps = np.where(rng.random((length, 1)) < 0.6, rng.integers(-4, 5, (length, 2)), 0)
    places = np.clip(24 + steps.cumsum(0), 3, 44)
    pictures = with_cursor(*[(int(y), int(x)) for y, x in places])[0]
    return (255 * pictures[..., None].expand(-1, -1, -1, 3)).byte().numpy(), places


def test_the_middle_of_the_change_lies_between_the_old_place_and_the_new() -> None:
    features = cursor_features(with_cursor((20, 30), (26, 40), (26, 40)))
    assert features.shape == (1, 2, CURSOR_FEATURES)
    still, down, right, spread_down, spread_right, diagonal = features[0, 0, :6].tolist()
    assert still == 1.0
    assert down == pytest.approx(23 - 23.5, abs=0.5)
    assert right == pytest.approx(35 - 31.5, abs=0.5)
    assert spread_down == pytest.approx(3.0, abs=0.5)  # half of the way, and the cursor's own size
    assert spread_right == pytest.approx(5.0, abs=0.5)
    assert diagonal > 2.0  # down and to the right, or up and to the left
    assert not features[0, 1].any()  # nothing moved


def test_a_light_cursor_makes_its_new_place_lighter() -> None:
    there, back = cursor_features(with_cursor((20, 30), (26, 40), (20, 30)))[0, :, 6:8]
    assert (there > 1.0).all()
    assert (back < -1.0).all()


def test_a_picture_that_moves_as_a_whole_has_no_cursor() -> None:
    pictures = torch.stack([still_picture(), still_picture().roll(3, 1)])[None]
    assert not cursor_features(pictures).any()


def test_noise_of_compression_is_no_movement() -> None:
    picture = still_picture()
    assert not cursor_features(torch.stack([picture, picture + 3.0 / 255.0])[None]).any()


def test_a_mirrored_pair_has_mirrored_features() -> None:
    pictures = with_cursor((20, 30), (26, 40), (25, 20))
    torch.testing.assert_close(cursor_features(pictures.flip(-1)), mirror_cursor(cursor_features(pictures)))


def test_each_frame_is_encoded_with_all_that_it_depends_on() -> None:
    model = InverseDynamicsModel(CONFIG).eval()
    frames = torch.from_numpy(clip(60)[0])[None]
    with torch.inference_mode():
        whole = model.encode(frames)[0, 20:40]
        part = model.encode(
            frames[:, 20 - model.around : 40 + model.around], kept=slice(model.around, model.around + 20)
        )
    torch.testing.assert_close(part[0], whole)


def test_features_computed_beforehand_give_the_same() -> None:
    model = InverseDynamicsModel(CONFIG).eval()
    assert model.motion is not None
    frames, _ = clip(130)
    episode = Episode(frames, Actions.none(130), np.ones(130, np.bool_), "cursor")
    motion = with_motion(episode, model.motion).motion
    assert motion is not None
    with torch.inference_mode():
        plain = model.encode(torch.from_numpy(frames)[None])
        known = model.encode(torch.from_numpy(frames)[None], torch.from_numpy(motion)[None])
    torch.testing.assert_close(known, plain, atol=2e-2, rtol=2e-2)


def test_the_way_the_cursor_went_can_be_learnt() -> None:
    torch.manual_seed(0)
    model = InverseDynamicsModel(replace(CONFIG, dropout=0.0))
    read = torch.nn.Linear(CONFIG.width, 2)
    frames, places = clip(200)
    way = torch.from_numpy(np.diff(places, axis=0)).float()
    optimizer = torch.optim.Adam([*model.parameters(), *read.parameters()], 5e-3)
    for _ in range(150):
        encoded = model.temporal(model.encode(torch.from_numpy(frames)[None]))
        loss = (read(encoded)[0, :-1] - way).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2 * way.var()


def test_checkpoint_gives_the_same_model_back(tmp_path: Path) -> None:
    model = InverseDynamicsModel(CONFIG).eval()
    model.save(tmp_path)
    assert load(tmp_path).config == CONFIG
    frames, _ = clip(40)
    np.testing.assert_array_equal(
        load(tmp_path).predict(frames).camera_log_probs, model.predict(frames).camera_log_probs
    )


def test_the_sensor_is_part_of_what_features_a_model_wants() -> None:
    without = IDMConfig(motion=TINY.motion)
    assert motion_identity(replace(without, cursor_outputs=8)) != motion_identity(without)
    assert motion_identity(replace(without, cursor_outputs=8)) == motion_identity(replace(without, cursor_outputs=16))


def test_the_sensor_needs_motion_features() -> None:
    with pytest.raises(ValueError, match="cursor_outputs needs other"):
        IDMConfig(cursor_outputs=8)


def test_a_mirrored_clip_has_mirrored_features() -> None:
    model = InverseDynamicsModel(CONFIG)
    assert model.motion is not None
    frames = torch.from_numpy(clip(20)[0])[None]
    cursor = slice(-CURSOR_FEATURES, None)
    found = model.motion(frames.flip(3))[..., cursor]
    assert found.any()
    torch.testing.assert_close(found, model.motion.mirror(model.motion(frames))[..., cursor], atol=1e-4, rtol=1e-4)
