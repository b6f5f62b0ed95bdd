"""The player's own arm or held item, lower right in the picture."""

from math import cos, pi, sin, sqrt

from env.voxel.picture.models import Matrix, Model, scale, shift, turn
from env.voxel.picture.textures import Textures
from env.voxel.rules.player import MEAL_TICKS
from env.voxel.rules.view import View


def hand_model(view: View, textures: Textures, *, bob: Matrix, light: float) -> Model:
    """The bare arm, or the held item; `bob` moves the view while walking.

    Poses follow Minecraft 1.16's first-person renderer.
    """
    if view.held_item == 0:
        return Model(bob @ _arm_pose(view.swing, view.equip), textures.arm, light=light)
    item = textures.item(view.held_item)
    grip = bob @ (_meal_pose(view.eaten, view.equip) if view.eaten else _grip_pose(view.swing, view.equip))
    in_hand = _FLAT_IN_HAND if item.flat else _CUBE_IN_HAND
    return Model(grip @ in_hand @ shift(-0.5, -0.5, -0.5), item.tiles, item.flat, light)


def _arm_pose(swing: float, equip: float) -> Matrix:
    root = sqrt(swing)
    pose = shift(
        0.64 - 0.3 * sin(root * pi),
        -0.6 + 0.4 * sin(root * 2.0 * pi) - 0.6 * (1.0 - equip),
        -0.72 - 0.4 * sin(swing * pi),
    )
    pose = pose @ turn(1, 45.0) @ turn(1, 70.0 * sin(root * pi)) @ turn(2, -20.0 * sin(swing * swing * pi))
    pose = pose @ shift(-1.0, 3.6, 3.5) @ turn(2, 120.0) @ turn(0, 200.0) @ turn(1, -135.0) @ shift(5.6, 0.0, 0.0)
    # The arm: 4 x 12 x 4 pixels below the shoulder.
    return pose @ shift(-0.5, 0.0, -0.125) @ scale(0.25, 0.75, 0.25)


def _grip_pose(swing: float, equip: float) -> Matrix:
    root = sqrt(swing)
    pose = shift(-0.4 * sin(root * pi), 0.2 * sin(root * 2.0 * pi), -0.2 * sin(swing * pi))
    pose = pose @ shift(0.56, -0.52 - 0.6 * (1.0 - equip), -0.72) @ turn(1, 45.0 - 20.0 * sin(swing * swing * pi))
    return pose @ turn(2, -20.0 * sin(root * pi)) @ turn(0, -80.0 * sin(root * pi)) @ turn(1, -45.0)


def _meal_pose(eaten: float, equip: float) -> Matrix:
    """Before the mouth, up and down with each bite."""
    left = 1.0 - eaten
    near = 1.0 - left**27
    bite = abs(cos(left * MEAL_TICKS / 4.0 * pi)) * 0.1 if left < 0.8 else 0.0
    pose = shift(near * 0.6, bite - near * 0.5, 0.0) @ turn(1, near * 90.0) @ turn(0, near * 10.0)
    return pose @ turn(2, near * 30.0) @ shift(0.56, -0.52 - 0.6 * (1.0 - equip), -0.72)


_CUBE_IN_HAND = turn(1, 45.0) @ scale(0.4, 0.4, 0.4)
_FLAT_IN_HAND = shift(0.0706, 0.2, 0.0706) @ turn(1, -90.0) @ turn(2, 25.0) @ scale(0.68, 0.68, 0.68)
