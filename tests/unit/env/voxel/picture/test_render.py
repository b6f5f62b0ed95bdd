from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from env.voxel.land.blocks import AIR, ITEMS, OAK_LEAVES, STONE_BLOCK, WATER, item_id
from env.voxel.land.terrain import generate
from env.voxel.land.world import World
from env.voxel.picture.render import Renderer
from env.voxel.rules.view import View

SIZE = (90, 160)
HOTBAR = slice(83, 90)
"""Rows of a 160 x 90 picture that the hotbar covers; hearts and food are right above."""


@pytest.fixture(scope="module")
def world() -> World:
    return generate(3, (96, 96, 96))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(SIZE)


@pytest.fixture
def view(world: World) -> View:
    x, y, z = world.spawn
    return View((x, y + 1.62, z), yaw=20.0, pitch=5.0)


def wall() -> World:
    """A stone wall at z = 20, far from anything else, before an eye at (16.5, 4.5, 16.5)."""
    blocks = np.zeros((33, 9, 33), np.uint8)
    blocks[:, :, 20] = STONE_BLOCK
    return World(blocks, seed=0, spawn=(16.5, 4.0, 16.5))


def changed(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((first != second).any(axis=-1))


@pytest.mark.parametrize("size", [(90, 160), (72, 100), (17, 31), (128, 128)])
def test_frames_have_the_size_asked_for(world: World, view: View, size: tuple[int, int]) -> None:
    frame = Renderer(size).render(world, view)
    assert frame.shape == (*size, 3)
    assert frame.dtype == np.uint8


def test_a_view_is_always_the_same_frame(world: World, view: View, renderer: Renderer) -> None:
    first = renderer.render(world, view)
    renderer.render(world, replace(view, yaw=190.0, hotbar_selected=4))
    assert np.array_equal(first, renderer.render(world, view))
    assert np.array_equal(first, Renderer(SIZE).render(world, view))


def test_vpt_sees_the_full_picture_resized(world: World, view: View) -> None:
    """`cv2.resize` is what VPT's agents do to a 640 x 360 frame; drawing only the pixels it reads must not show."""
    for yaw, swing in ((20.0, 0.0), (140.0, 0.4)):
        seen = replace(view, yaw=yaw, swing=swing, target=(48, 40, 48))
        whole = cv2.resize(Renderer((360, 640)).render(world, seen), (128, 128), interpolation=cv2.INTER_LINEAR)
        difference = np.abs(whole.astype(int) - Renderer("vpt").render(world, seen))
        assert difference.max() <= 1


def test_the_sky_is_blue_by_day_and_dark_at_night(world: World, view: View, renderer: Renderer) -> None:
    up = replace(view, pitch=-60.0, eye=(48.0, 90.0, 48.0), yaw=0.0)
    noon = renderer.render(world, up)[:40].mean(axis=(0, 1))
    night = renderer.render(world, replace(up, time_of_day=18000))[:40].mean(axis=(0, 1))
    assert noon[2] > noon[0] + 20
    assert night.max() < 70


def test_turning_right_moves_the_picture_left(world: World, view: View, renderer: Renderer) -> None:
    first = renderer.render(world, view)[:60, :, 1].astype(float)
    second = renderer.render(world, replace(view, yaw=view.yaw + 4.0))[:60, :, 1].astype(float)
    error = {shift: np.abs(first[:, 30:130] - second[:, 30 - shift : 130 - shift]).mean() for shift in range(-12, 13)}
    # 4 degrees of a view about 102 degrees wide, near its middle.
    assert 3 <= min(error, key=lambda shift: error[shift]) <= 7


def test_looking_down_moves_the_picture_up(world: World, view: View, renderer: Renderer) -> None:
    first = renderer.render(world, view)[:, 40:100, 1].astype(float)
    second = renderer.render(world, replace(view, pitch=view.pitch + 5.0))[:, 40:100, 1].astype(float)
    error = {shift: np.abs(first[20:60] - second[20 - shift : 60 - shift]).mean() for shift in range(-12, 13)}
    assert 4 <= min(error, key=lambda shift: error[shift]) <= 9


def test_sprinting_shrinks_what_is_far(renderer: Renderer) -> None:
    """A wider field of view shows more: the same block covers fewer pixels."""
    world = wall()
    world.set_block(16, 4, 20, WATER + 1)
    view = View((16.5, 4.5, 16.5), yaw=0.0, pitch=0.0)
    clean = wall()

    def covered(fov: float) -> int:
        seen = replace(view, fov=fov)
        return int(changed(renderer.render(world, seen), renderer.render(clean, seen)).sum())

    assert covered(70.0 * 1.15) < covered(70.0) * 0.9


def test_cracks_show_on_the_target_only(renderer: Renderer) -> None:
    world = wall()
    view = View((16.5, 4.5, 16.5), yaw=0.0, pitch=0.0, target=(16, 4, 20))
    frames = [renderer.render(world, replace(view, crack_stage=stage)) for stage in range(-1, 10)]
    spread = [int(changed(frames[0], frame).sum()) for frame in frames]
    assert spread[0] == 0
    assert spread[1] > 0
    assert spread == sorted(spread)
    rows, columns = np.nonzero(changed(frames[0], frames[-1]))
    # The block is one unit wide and 3.5 away: 18 pixels around the middle.
    assert rows.min() >= 45 - 10
    assert rows.max() <= 45 + 10
    assert columns.min() >= 80 - 10
    assert columns.max() <= 80 + 10


def test_the_target_is_outlined(renderer: Renderer) -> None:
    view = View((16.5, 4.5, 16.5), yaw=0.0, pitch=0.0)
    plain = renderer.render(wall(), view)
    outlined = renderer.render(wall(), replace(view, target=(16, 4, 20)))
    where = changed(plain, outlined)
    assert where.any()
    assert outlined[where].sum() < plain[where].sum() * 0.7


def test_hotbar_selection_changes_the_hotbar_only(world: World, view: View, renderer: Renderer) -> None:
    where = changed(renderer.render(world, view), renderer.render(world, replace(view, hotbar_selected=5)))
    assert where[HOTBAR].any()
    assert not where[: HOTBAR.start].any()


def test_items_counts_hearts_and_food_are_shown(world: World, view: View, renderer: Renderer) -> None:
    items, counts = np.zeros(9, np.int32), np.zeros(9, np.int32)
    items[3], counts[3] = item_id("oak_log"), 1
    more = counts.copy()
    more[3] = 2
    frames = [
        renderer.render(world, state)
        for state in (
            view,
            replace(view, hotbar_items=items, hotbar_counts=counts),
            replace(view, hotbar_items=items, hotbar_counts=more),
            replace(view, health=11),
            replace(view, food=11),
        )
    ]
    for frame in frames[1:]:
        assert changed(frames[0], frame)[79:].any()
        assert not changed(frames[0], frame)[:79].any()
    assert changed(frames[1], frames[2]).any()


@pytest.mark.parametrize("item", ["air", "oak_planks", "wooden_pickaxe", "poppy"])
def test_a_swing_is_seen_at_vpt_size(world: World, view: View, item: str) -> None:
    renderer = Renderer("vpt")
    held = replace(view, held_item=item_id(item))
    rest = renderer.render(world, held)
    for swing in (1 / 6, 1 / 2, 5 / 6):
        assert changed(rest, renderer.render(world, replace(held, swing=swing))).sum() > 100


def test_a_lowered_hand_hides(world: World, view: View, renderer: Renderer) -> None:
    where = changed(renderer.render(world, view), renderer.render(world, replace(view, equip=0.0)))
    assert where[60:, 100:].sum() > 100
    assert not where[:, :80].any()


def test_walking_shakes_the_view(world: World, view: View, renderer: Renderer) -> None:
    rest = renderer.render(world, view)
    assert changed(rest, renderer.render(world, replace(view, bob_phase=0.5, bob_amount=0.1))).mean() > 0.2
    assert np.array_equal(rest, renderer.render(world, replace(view, bob_phase=0.5)))


def test_dropped_items_lie_before_what_is_behind_them(renderer: Renderer) -> None:
    view = View((16.5, 4.5, 16.5), yaw=0.0, pitch=0.0)
    bare = renderer.render(wall(), view)

    def pixels(z: float, item: str) -> int:
        drops = np.array([[16.5, 4.5, z, 30.0, item_id(item)]], np.float32)
        return int(changed(bare, renderer.render(wall(), replace(view, drops=drops))).sum())

    for item in ("dirt", "stick"):
        assert pixels(18.0, item) > pixels(19.5, item) > 0
        assert pixels(22.0, item) == 0


@pytest.mark.parametrize("eye", [(-50.0, -20.0, 500.0), (16.5, 200.0, 16.5), (16.5, 4.5, 20.5)])
def test_eyes_anywhere_see_something(renderer: Renderer, eye: tuple[float, float, float]) -> None:
    """Far outside the world, high above it, or in a wall."""
    for pitch in (-90.0, 0.0, 90.0):
        assert renderer.render(wall(), View(eye, yaw=45.0, pitch=pitch)).any()


def test_leaves_have_holes_and_stone_has_none(renderer: Renderer) -> None:
    view = View((16.5, 4.5, 19.0), yaw=0.0, pitch=0.0)
    world, leafy = wall(), wall()
    for x in range(12, 22):
        for y in range(9):
            leafy.set_block(x, y, 20, OAK_LEAVES)
    sky_behind = renderer.render(leafy, view)[20:60, 40:100]
    assert (sky_behind[..., 2] > 200).any()
    assert not (renderer.render(world, view)[20:60, 40:100, 2] > 200).any()


def test_every_item_can_be_held_dropped_and_put_into_a_slot(renderer: Renderer) -> None:
    world, view = wall(), View((16.5, 4.5, 16.5), yaw=0.0, pitch=0.0)
    rest = renderer.render(world, replace(view, equip=0.0))
    for item in ITEMS:
        held = changed(rest, renderer.render(world, replace(view, held_item=item.id)))
        assert held[45:83, 90:].any(), item.name
        slots = np.full(9, item.id, np.int32)
        shown = changed(rest, renderer.render(world, replace(view, equip=0.0, hotbar_items=slots)))
        assert shown[HOTBAR].any(), item.name
        drops = np.array([[16.5, 4.5, 18.0, 45.0, item.id]], np.float32)
        assert changed(rest, renderer.render(world, replace(view, equip=0.0, drops=drops)))[:79].any(), item.name


def test_eyes_under_water_see_blue(renderer: Renderer) -> None:
    blocks = np.zeros((33, 12, 33), np.uint8)
    blocks[:, 1:11] = WATER
    blocks[:, 0] = STONE_BLOCK
    world = World(blocks, seed=0, spawn=(16.5, 1.0, 16.5))
    frame = renderer.render(world, View((16.5, 5.0, 16.5), 0.0, 0.0, eye_in_water=True))[:70]
    assert frame[..., 2].mean() > frame[..., 0].mean() + 40


def test_a_broken_block_is_gone_from_the_next_frame(renderer: Renderer) -> None:
    world = wall()
    view = View((16.5, 4.5, 16.5), yaw=0.0, pitch=0.0)
    before = renderer.render(world, view)
    world.set_block(16, 4, 20, AIR)
    assert changed(before, renderer.render(world, view))[40:50, 75:85].all()
