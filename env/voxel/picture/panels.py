"""Draws the open screen: the panel with its slots, the items in them, and the cursor.

Positions are those of a 640 x 360 window at GUI scale 1, as in Minecraft 1.16; the pictures are this world's own.
"""

from colorsys import hsv_to_rgb
from functools import cache
from math import floor

import numpy as np
from numpy.typing import NDArray

from env.video.cursor import CURSOR_SIZE, arrow
from env.voxel.land.blocks import item
from env.voxel.picture.icons import item_icon
from env.voxel.picture.layer import Layer, draw_number, paste
from env.voxel.picture.lettering import title
from env.voxel.picture.sprites import Colour, draw
from env.voxel.rules.menu import PANEL_HEIGHT, PANEL_WIDTH, PANEL_X, PANEL_Y
from env.voxel.rules.slots import Stack
from env.voxel.rules.view import ScreenView

_DIM = (192 / 255, 208 / 255)
"""How much of the world is hidden behind a screen, at the top and at the bottom."""
_TITLES = {
    "inventory": (("Crafting", 97, 8),),
    "crafting_table": (("Crafting", 29, 6), ("Inventory", 8, 72)),
    "furnace": (("Furnace", 68, 6), ("Inventory", 8, 72)),
}
_ARROWS = {"inventory": (135, 29, 16), "crafting_table": (90, 35, 22), "furnace": (79, 35, 24)}
"""x, y and width of the arrow to the result."""
_FLAME_X, _FLAME_Y = 56, 36
_UNUSED = {"inventory": (*((8, 8 + 18 * row) for row in range(4)), (77, 62))}
"""Slots without a use in this world: armour and the second hand."""

_FACE, _LIGHT, _HOLE = (198, 198, 198), (255, 255, 255), (139, 139, 139)
_FLAME = """
    ......f.......
    ......ff......
    ...f..ff......
    ...ff.fff..f..
    ...ff.ffff.f..
    ..fff.ffffff..
    ..ffffffffff..
    .ffffffyfffff.
    .fffyfyyyffff.
    .ffyyyyyyyfff.
    .ffyywyywyyff.
    ..fyywwwwyyf..
    ..ffywwwwyff..
    ...ffyyyyff..."""


def draw_screen(layer: Layer, screen: ScreenView) -> None:
    """Darken the world and draw the panel with all that does not follow the mouse."""
    _dim(layer)
    paste(layer, _panel(screen.kind, tuple((role, x, y) for role, x, y, _ in screen.slots)), PANEL_X, PANEL_Y)
    if screen.kind == "furnace":
        _draw_work(layer, flame=screen.flame, arrow_columns=screen.arrow)
    for _, x, y, stack in screen.slots:
        _draw_stack(layer, stack, PANEL_X + x, PANEL_Y + y)


def draw_pointer(layer: Layer, screen: ScreenView) -> Layer:
    """The layer with what follows the mouse: lit slots, the carried stack, the cursor."""
    layer = layer.copy()
    glow = np.full((16, 16, 4), (255, 255, 255, 128), np.uint8)
    for x, y in screen.lit:
        paste(layer, glow, PANEL_X + x, PANEL_Y + y)
    x, y = (floor(value) for value in screen.cursor)
    _draw_stack(layer, screen.carried, x - 8, y - 8)
    paste(layer, _cursor(), x, y)
    return layer


def _dim(layer: Layer) -> None:
    alpha = np.linspace(*_DIM, layer.shape[0], dtype=np.float32)[:, None, None]
    layer *= 1.0 - alpha
    layer[..., :3] += 16.0 * alpha
    layer[..., 3:] += alpha


def _draw_stack(layer: Layer, stack: Stack, x: int, y: int) -> None:
    if not stack:
        return
    paste(layer, item_icon(stack.item), x, y)
    if stack.damage:
        paste(layer, _wear_bar(stack.damage, item(stack.item).durability), x + 2, y + 13)
    if stack.count > 1:
        draw_number(layer, stack.count, x + 17, y + 9)


def _wear_bar(damage: int, durability: int) -> NDArray[np.uint8]:
    """(2, 13, 4) how much is left of a tool, green to red."""
    left = 1.0 - damage / durability
    bar = np.zeros((2, 13, 4), np.uint8)
    bar[..., 3] = 255
    bar[0, : round(13 * left), :3] = np.array(hsv_to_rgb(left / 3.0, 1.0, 1.0)) * 255
    return bar


def _draw_work(layer: Layer, *, flame: int, arrow_columns: int) -> None:
    paste(layer, _flame(burning=False), PANEL_X + _FLAME_X, PANEL_Y + _FLAME_Y)
    if flame:
        paste(layer, _flame(burning=True)[14 - flame :], PANEL_X + _FLAME_X, PANEL_Y + _FLAME_Y + 14 - flame)
    x, y, width = _ARROWS["furnace"]
    if arrow_columns:
        paste(layer, _arrow_to_result(width, _LIGHT)[:, :arrow_columns], PANEL_X + x, PANEL_Y + y)


@cache
def _panel(kind: str, slots: tuple[tuple[str, int, int], ...]) -> NDArray[np.uint8]:
    """(166, 176, 4) the grey panel with its empty slots."""
    panel = np.zeros((PANEL_HEIGHT, PANEL_WIDTH, 4), np.uint8)
    panel[:] = (0, 0, 0, 255)
    panel[1:-1, 1:-1, :3] = _FACE
    panel[1:3, 1:-3, :3] = panel[1:-3, 1:3, :3] = _LIGHT
    panel[-3:-1, 3:-1, :3] = panel[3:-1, -3:-1, :3] = (85, 85, 85)
    panel[[0, 0, -1, -1], [0, -1, 0, -1]] = 0
    for role, x, y in slots:
        _sink(panel, x, y, 16, 16, margin=5 if role in ("result", "output") and kind != "inventory" else 1)
    for x, y in _UNUSED.get(kind, ()):
        _sink(panel, x, y, 16, 16)
    if kind == "inventory":
        _draw_player(panel)
    x, y, width = _ARROWS[kind]
    _lay(panel, _arrow_to_result(width, _HOLE), x, y)
    for text, left, top in _TITLES[kind]:
        _lay(panel, title(text), left, top)
    return panel


def _sink(panel: NDArray[np.uint8], x: int, y: int, width: int, height: int, *, margin: int = 1) -> None:
    """A sunken area of the panel, its rim `margin` pixels outside."""
    rows, columns = slice(y - margin, y + height + margin), slice(x - margin, x + width + margin)
    hollow = panel[rows, columns, :3]
    hollow[:] = _HOLE
    hollow[0, :-1] = hollow[:-1, 0] = (55, 55, 55)
    hollow[-1, 1:] = hollow[1:, -1] = _LIGHT


def _draw_player(panel: NDArray[np.uint8]) -> None:
    """A small figure in a black box."""
    _sink(panel, 26, 8, 49, 70)
    panel[8:78, 26:75, :3] = 0
    skin, hair, shirt, trousers, shoes = (204, 146, 110), (60, 40, 24), (44, 116, 122), (58, 60, 120), (70, 70, 74)
    for x, y, width, height, colour in (
        (44, 13, 15, 15, skin), (44, 13, 15, 5, hair), (44, 28, 15, 22, shirt), (37, 28, 7, 8, shirt),
        (59, 28, 7, 8, shirt), (37, 36, 7, 14, skin), (59, 36, 7, 14, skin), (44, 50, 15, 18, trousers),
        (44, 68, 15, 5, shoes), (47, 20, 3, 2, _LIGHT), (53, 20, 3, 2, _LIGHT), (49, 24, 5, 2, (150, 92, 70)),
    ):  # fmt: skip
        panel[y : y + height, x : x + width, :3] = colour
    panel[50:73, 51, :3] = (44, 46, 96)
    panel[20:22, [49, 53], :3] = (52, 58, 140)


def _lay(panel: NDArray[np.uint8], image: NDArray[np.uint8], x: int, y: int) -> None:
    part = panel[y : y + image.shape[0], x : x + image.shape[1]]
    shown = image[..., 3] > 0
    part[shown] = image[shown]


@cache
def _arrow_to_result(width: int, colour: Colour) -> NDArray[np.uint8]:
    """(15, width, 4) a block arrow to the right."""
    image = np.zeros((15, width, 4), np.uint8)
    image[6:9, : width - 8] = (*colour, 255)
    for column in range(8):
        image[column : 15 - column, width - 8 + column] = (*colour, 255)
    return image


@cache
def _flame(*, burning: bool) -> NDArray[np.uint8]:
    """(14, 14, 4) the flame over the fuel, or the mark it leaves."""
    palette = {"f": (226, 92, 16), "y": (252, 190, 40), "w": (255, 246, 190)}
    return draw(_FLAME, palette if burning else dict.fromkeys("fyw", _HOLE))


@cache
def _cursor() -> NDArray[np.uint8]:
    """(16, 16, 4) the mouse's arrow, the one that recordings of contractors get."""
    colour, alpha = arrow(CURSOR_SIZE)
    return np.concatenate([colour.repeat(3, axis=-1), 255.0 * alpha], axis=-1).round().astype(np.uint8)
