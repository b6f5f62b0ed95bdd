"""One draw holds for a run of frames, and changes nothing where it has no strength."""

from dataclasses import fields, replace

import numpy as np
import pytest

from learning.augmentation import Augmentation, Draw

SIZE = (48, 64)
NONE = Augmentation(**dict.fromkeys([field.name for field in fields(Augmentation)], 0.0))
FULL = {"hue": 1.0, "degrees": 5.0, "shift": 8.0, "scale": 0.1}
NAMES = [field.name for field in fields(Augmentation)]


def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.kron(rng.integers(20, 230, (12, 16, 3)), np.ones((4, 4, 1))).astype(np.uint8)


def moving(ticks: int = 12) -> np.ndarray:
    return np.stack([np.roll(picture(), 3 * tick, axis=1) for tick in range(ticks)])


def only(name: str) -> Augmentation:
    """One kind of change, which every draw has."""
    return replace(NONE, **{name: FULL.get(name, 0.5 if name in ("saturation", "brightness", "contrast") else 1.0)})


def draws(augmentation: Augmentation, count: int = 8) -> list[Draw]:
    return [augmentation.draw(np.random.default_rng(seed), SIZE) for seed in range(count)]


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_changes_pixels_and_neither_shape_nor_type(name: str) -> None:
    frames = moving()
    before = frames.copy()
    for draw in draws(only(name)):
        changed = draw(frames)
        assert changed.shape == frames.shape
        assert changed.dtype == np.uint8
        assert not np.array_equal(changed, frames)
    np.testing.assert_array_equal(frames, before)


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_still_stays_still(name: str) -> None:
    """A draw is one for all frames; a codec refines a still picture by a little from frame to frame."""
    still = np.repeat(picture()[None], 12, axis=0)
    for draw in draws(only(name)):
        changed = draw(still).astype(int)
        assert np.abs(changed - changed[:1]).mean() <= (3.0 if name == "compression" else 0.0)


def test_without_strength_nothing_changes() -> None:
    frames = moving()
    for draw in draws(NONE):
        np.testing.assert_array_equal(draw(frames), frames)


def test_the_seed_decides_the_draw() -> None:
    """Without x264, which compresses equal frames a little differently from time to time."""
    frames, augmentation = moving(), Augmentation(compression=0.0)
    one, same, other = (augmentation.draw(np.random.default_rng(seed), SIZE)(frames) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_bars_are_black_and_the_picture_lies_between_them() -> None:
    white = np.full((2, *SIZE, 3), 255, np.uint8)
    for draw in draws(only("letterbox")):
        barred = draw(white)
        dark = (barred == 0).all(axis=(0, 3))
        rows, columns = dark.all(1).sum(), dark.all(0).sum()
        assert (0 < rows <= 0.25 * SIZE[0]) != (0 < columns <= 0.25 * SIZE[1])
        assert rows * SIZE[1] + columns * SIZE[0] == dark.sum()


def test_a_shift_moves_the_picture_by_no_more_than_its_range() -> None:
    spot = np.zeros((1, 128, 128, 3), np.uint8)
    spot[:, 60:68, 60:68] = 255
    for seed in range(20):
        moved = replace(NONE, shift=2.0).draw(np.random.default_rng(seed), (128, 128))(spot)[0, ..., 0].astype(float)
        y, x = (np.average(np.arange(128), weights=moved.sum(axis)) for axis in (1, 0))
        assert max(abs(y - 63.5), abs(x - 63.5)) <= 2.05


def test_turned_hues_keep_the_luma() -> None:
    frames = np.full((1, 4, 4, 3), (120, 100, 90), np.uint8)
    luma = np.array([0.299, 0.587, 0.114])
    for seed in range(8):
        turned = only("hue").draw(np.random.default_rng(seed), (4, 4))(frames)
        assert abs(float((turned[0, 0, 0] - frames[0, 0, 0].astype(float)) @ luma)) < 1.5


@pytest.mark.parametrize(("name", "value"), [("hue", 4.0), ("brightness", -0.1), ("corner", 1.5)])
def test_ranges_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"augmentation.{name}"):
        replace(NONE, **{name: value})


def test_frames_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        draws(NONE)[0](np.zeros((2, 8, 8, 3), np.uint8))
