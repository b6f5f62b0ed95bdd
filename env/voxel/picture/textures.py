"""Paints the textures: 16 x 16 pixels each, made by numpy from a fixed seed, with smaller copies for the distance."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from env.voxel.land.blocks import BLOCKS, FIRST_ITEM, ITEMS
from env.voxel.picture.sprites import Colour, item_sprites, plant_sprites

SIDE = 16
"""Pixels along a tile."""
LEVEL_OFFSETS = (0, 256, 320, 336, 340)
"""Where in a tile's 341 texels each of its five levels of detail (16, 8, 4, 2, 1 pixels wide) starts."""

Tile = NDArray[np.uint8]
"""uint8 (16, 16, 4) RGBA."""


@dataclass(frozen=True)
class ItemPicture:
    """How an item looks: a small block, or a flat picture."""

    tiles: NDArray[np.int16]
    """(6,) tiles of the faces; all the same for a flat one."""
    flat: bool


@dataclass(frozen=True)
class Textures:
    """All textures, ready for the ray caster."""

    texels: NDArray[np.uint8]
    """(tiles, 341, 4) RGBA: the five levels of detail of each tile one after another."""
    packed: NDArray[np.uint32]
    """(tiles * 341,) the same, a texel in one number: red + green << 8 + blue << 16 + alpha << 24."""
    faces: NDArray[np.int16]
    """(256, 6) tile of each block's faces -x +x -y +y -z +z."""
    cracks: NDArray[np.uint8]
    """(11, 256) how dark a crack is at each pixel, by stage; the last row is bare."""

    pictures: Mapping[int, "ItemPicture"]
    """How each item looks, by id."""
    arm: NDArray[np.int16]
    """(6,) tiles of the player's arm, which reaches up."""

    def item(self, number: int) -> "ItemPicture":
        """How an item looks in the hand, on the ground and in a slot."""
        return self.pictures[number]

    def tile(self, number: int) -> Tile:
        """The full-size picture of one tile."""
        return self.texels[number, : SIDE * SIDE].reshape(SIDE, SIDE, 4)


@cache
def textures() -> Textures:
    """The textures, painted on the first call."""
    tiles = _tiles() | item_sprites()
    numbers = {name: number for number, name in enumerate(tiles)}
    faces = np.zeros((256, 6), np.int16)
    for block in BLOCKS[1:]:
        side, top, bottom, front = _FACES.get(block.name, (block.name,) * 4)
        faces[block.id] = [numbers[name] for name in (side, side, bottom, top, front, side)]
    pictures = {}
    for item in ITEMS:
        flat = item.id >= FIRST_ITEM or BLOCKS[item.id].shape in ("plant", "torch", "glass", "water")
        pictures[item.id] = ItemPicture(np.full(6, numbers[item.name], np.int16) if flat else faces[item.id], flat)
    arm = np.array([numbers["hand" if axis == 1 else "arm"] for axis in (0, 0, 1, 1, 2, 2)], np.int16)
    texels = np.stack([_levels_of_detail(tile) for tile in tiles.values()])
    packed = (texels.astype(np.uint32) << np.array([0, 8, 16, 24], np.uint32)).sum(axis=-1, dtype=np.uint32).ravel()
    return Textures(texels, packed, faces, _cracks(), pictures, arm)


_FACES = {
    "grass_block": ("grass_block_side", "grass_block_top", "dirt", "grass_block_side"),
    "oak_log": ("oak_log", "oak_log_top", "oak_log_top", "oak_log"),
    "birch_log": ("birch_log", "birch_log_top", "birch_log_top", "birch_log"),
    "spruce_log": ("spruce_log", "spruce_log_top", "spruce_log_top", "spruce_log"),
    "crafting_table": ("crafting_table_side", "crafting_table_top", "oak_planks", "crafting_table_front"),
    "furnace": ("furnace_side", "furnace_top", "furnace_top", "furnace_front"),
    "chest": ("chest_side", "chest_top", "chest_top", "chest_front"),
    "sandstone": ("sandstone", "sandstone_top", "sandstone_top", "sandstone"),
}
"""Side, top, bottom and front (-z) tile of the blocks whose faces differ."""


def _levels_of_detail(tile: Tile) -> NDArray[np.uint8]:
    """(341, 4) the tile and its halvings; see-through texels do not darken their neighbours."""
    image = tile.astype(np.float64)
    levels = [image.reshape(-1, 4)]
    while len(image) > 1:
        side = len(image) // 2
        quads = image.reshape(side, 2, side, 2, 4).transpose(0, 2, 1, 3, 4).reshape(side, side, 4, 4)
        alpha = quads[..., 3:].sum(axis=2)
        colour = (quads[..., :3] * quads[..., 3:]).sum(axis=2) / np.maximum(alpha, 1.0)
        image = np.concatenate([colour, alpha / 4.0], axis=2)
        levels.append(image.reshape(-1, 4))
    return np.concatenate(levels).round().astype(np.uint8)


def _noise(rng: np.random.Generator, stretch_x: int = 1, stretch_y: int = 1) -> NDArray[np.float64]:
    """(16, 16) evenly distributed in [0, 1), wrapping around, smeared over some pixels along x and y."""
    noise = rng.random((SIDE, SIDE))
    smeared = sum(np.roll(noise, (dy, dx), (0, 1)) for dy in range(stretch_y) for dx in range(stretch_x))
    mixed = np.asarray(smeared) + 0.25 * rng.random((SIDE, SIDE)) * np.sqrt(stretch_x * stretch_y)
    order: NDArray[np.int64] = mixed.ravel().argsort().argsort()
    return np.asarray(order.reshape(SIDE, SIDE) / (SIDE * SIDE), np.float64)


def _shades(noise: NDArray[np.float64], *colours: Colour) -> Tile:
    """Equal shares of the colours, dark to light as the noise goes."""
    tile = np.full((SIDE, SIDE, 4), 255, np.uint8)
    tile[..., :3] = np.array(colours, np.uint8)[(noise * len(colours)).astype(int)]
    return tile


def _around(colour: Colour, spread: int, steps: int = 5) -> list[Colour]:
    """Darker to lighter shades of one colour."""
    factors = 1.0 + np.linspace(-spread, spread, steps) / 100.0
    return [(min(int(r * f), 255), min(int(g * f), 255), min(int(b * f), 255)) for f in factors for r, g, b in [colour]]


def _cells(rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rounded patches: (16, 16) which of `count` points is nearest to each pixel, and by how much."""
    points = rng.random((count, 2)) * SIDE
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    gap = np.abs(np.stack([y, x], -1)[:, :, None] - points)
    distance = np.hypot(*np.moveaxis(np.minimum(gap, SIDE - gap), -1, 0))
    near = np.sort(distance, axis=-1)
    return distance.argmin(-1), near[..., 1] - near[..., 0]


def _tiles() -> dict[str, Tile]:
    """Every tile by name; each has its own generator, so adding one changes no other."""
    painters = {
        "stone": _stone, "dirt": _dirt, "grass_block_top": _grass_top, "grass_block_side": _grass_side,
        "cobblestone": _cobblestone, "bedrock": _bedrock, "sand": _sand, "gravel": _gravel, "clay": _clay,
        "snow_block": _snow, "obsidian": _obsidian, "granite": _granite, "andesite": _andesite, "diorite": _diorite,
        "sandstone": _sandstone, "sandstone_top": _sand, "water": _water, "glass": _glass, "grass": _tuft,
        "torch": _torch, "crafting_table_top": _table_top, "crafting_table_side": _table_side,
        "crafting_table_front": _table_front, "furnace_side": _furnace_side, "furnace_top": _furnace_top,
        "furnace_front": _furnace_front, "chest_side": _chest_side, "chest_top": _chest_top,
        "chest_front": _chest_front, "arm": _arm, "hand": _hand,
    }  # fmt: skip
    tiles = {name: paint(np.random.default_rng([11, number])) for number, (name, paint) in enumerate(painters.items())}
    for number, (name, colour) in enumerate(_ORES.items()):
        tiles[name] = _ore(np.random.default_rng([12, number]), tiles["stone"], colour)
    for number, (wood, (bark, inner, leaf)) in enumerate(_WOODS.items()):
        rng = np.random.default_rng([13, number])
        tiles[f"{wood}_log"] = _birch_bark(rng) if wood == "birch" else _bark(rng, bark)
        tiles[f"{wood}_log_top"] = _rings(rng, bark, inner)
        tiles[f"{wood}_planks"] = _planks(rng, inner)
        tiles[f"{wood}_leaves"] = _leaves(rng, leaf)
    return tiles | plant_sprites()


_ORES: dict[str, Colour] = {
    "coal_ore": (44, 44, 46), "iron_ore": (222, 178, 148), "gold_ore": (250, 216, 74), "diamond_ore": (88, 232, 226),
    "redstone_ore": (226, 22, 16),
}  # fmt: skip

_WOODS: dict[str, tuple[Colour, Colour, Colour]] = {
    "oak": ((106, 83, 50), (172, 138, 83), (62, 128, 32)),
    "birch": ((208, 208, 202), (202, 184, 128), (104, 146, 66)),
    "spruce": ((64, 43, 22), (120, 88, 52), (50, 92, 54)),
}
"""Bark, inner wood and leaf colour of each kind of tree."""


def _stone(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 4, 1), *_around((127, 127, 127), 9, 4))


def _dirt(rng: np.random.Generator) -> Tile:
    tile = _shades(_noise(rng, 2, 1), (98, 68, 45), (118, 83, 57), (134, 96, 67), (150, 108, 75), (134, 96, 67))
    pebbles = rng.random((SIDE, SIDE)) < 0.04
    tile[pebbles, :3] = (126, 118, 110)
    return tile


def _grass_top(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng), (88, 138, 48), (97, 150, 53), (104, 158, 58), (112, 167, 64), (122, 177, 73))


def _grass_side(rng: np.random.Generator) -> Tile:
    tile = _dirt(np.random.default_rng([11, 1]))
    grass = _shades(_noise(rng, 1, 2), (86, 136, 46), (100, 154, 56), (114, 170, 66))
    reach = rng.integers(2, 6, SIDE)
    fringe = np.arange(SIDE)[:, None] < reach
    tile[fringe] = grass[fringe]
    under = np.arange(SIDE)[:, None] == reach
    tile[under, :3] = (tile[under, :3] * 0.75).astype(np.uint8)
    return tile


def _cobblestone(rng: np.random.Generator) -> Tile:
    patch, rim = _cells(rng, 11)
    tone = np.array(rng.integers(108, 152, 11))[patch] + rng.integers(-9, 10, (SIDE, SIDE))
    lit = np.roll(rim, (1, 1), (0, 1)) < 0.9
    tone = np.where(rim < 0.9, 76 + rng.integers(-8, 9, (SIDE, SIDE)), np.where(lit, tone + 22, tone))
    return _grey(tone)


def _grey(tone: NDArray[np.int64]) -> Tile:
    tile = np.full((SIDE, SIDE, 4), 255, np.uint8)
    tile[..., :3] = np.clip(tone, 0, 255)[..., None]
    return tile


def _bedrock(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 3, 2), (34, 34, 34), (54, 54, 54), (86, 86, 86), (112, 112, 112), (150, 150, 150))


def _sand(rng: np.random.Generator) -> Tile:
    return _shades(
        _noise(rng, 2, 1), (206, 192, 146), (214, 201, 156), (219, 207, 163), (224, 213, 170), (231, 221, 181)
    )


def _gravel(rng: np.random.Generator) -> Tile:
    patch, rim = _cells(rng, 26)
    colours = np.array([(104, 98, 95), (128, 123, 120), (144, 138, 134), (164, 156, 150), (118, 108, 102)])
    tile = np.full((SIDE, SIDE, 4), 255, np.uint8)
    shade = np.where(rim < 0.6, 0.78, 1.0) * rng.uniform(0.93, 1.07, (SIDE, SIDE))
    tile[..., :3] = np.clip(colours[rng.integers(0, 5, 26)][patch] * shade[..., None], 0, 255)
    return tile


def _clay(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 3, 2), *_around((160, 166, 179), 5, 4))


def _snow(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 2, 2), (236, 244, 246), (244, 250, 251), (250, 254, 254))


def _obsidian(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 2, 3), (12, 8, 20), (18, 12, 30), (26, 18, 42), (48, 34, 74))


def _granite(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 2, 1), (126, 84, 68), (146, 99, 82), (158, 110, 92), (174, 130, 112))


def _andesite(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 2, 1), *_around((134, 135, 134), 11, 4))


def _diorite(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 2, 1), (152, 152, 154), (180, 180, 181), (200, 200, 202), (224, 224, 224))


def _sandstone(rng: np.random.Generator) -> Tile:
    tile = _shades(_noise(rng, 6, 1), *_around((217, 205, 158), 4, 4))
    for row, factor in ((0, 1.05), (3, 0.9), (4, 0.96), (11, 0.92), (15, 0.86)):
        tile[row, :, :3] = np.clip(tile[row, :, :3] * factor, 0, 255)
    return tile


def _water(rng: np.random.Generator) -> Tile:
    tile = _shades(_noise(rng, 6, 2), (40, 84, 190), (45, 92, 202), (50, 100, 212), (58, 110, 222))
    tile[..., 3] = 150
    return tile


def _glass(rng: np.random.Generator) -> Tile:
    tile = np.zeros((SIDE, SIDE, 4), np.uint8)
    edge = np.zeros((SIDE, SIDE), bool)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    tile[edge] = (208, 234, 240, 255)
    for x, y in ((3, 4), (4, 3), (5, 2), (3, 5), (10, 12), (11, 11), (12, 10)):
        tile[y, x] = (236, 248, 250, 255)
    return tile


def _tuft(rng: np.random.Generator) -> Tile:
    """Blades of grass of several heights, lighter towards their tips."""
    tile = np.zeros((SIDE, SIDE, 4), np.uint8)
    for root in (1, 3, 4, 6, 7, 8, 10, 11, 13, 14):
        height = int(rng.integers(6, 15))
        lean = rng.uniform(-2.2, 2.2)
        for step in range(height):
            x = int(np.clip(round(root + lean * (step / height) ** 2), 0, SIDE - 1))
            light = 0.66 + 0.5 * step / height + rng.uniform(-0.06, 0.06)
            tile[SIDE - 1 - step, x] = (*np.clip(np.array((104, 160, 58)) * light, 0, 255).astype(int), 255)
    return tile


def _torch(rng: np.random.Generator) -> Tile:
    tile = np.zeros((SIDE, SIDE, 4), np.uint8)
    tile[6:, 7] = (142, 108, 60, 255)
    tile[6:, 8] = (104, 78, 42, 255)
    tile[6, 7:9] = (255, 250, 190, 255)
    tile[7, 7:9] = (255, 204, 72, 255)
    return tile


def _ore(rng: np.random.Generator, stone: Tile, colour: Colour) -> Tile:
    """Stone with clumps of ore, each pixel lit from the upper left."""
    tile = stone.copy()
    spots = np.zeros((SIDE, SIDE), bool)
    for y, x in ((3, 3), (4, 10), (8, 6), (8, 13), (12, 3), (12, 10)):
        for dy, dx in ((0, 0), (0, 1), (1, 0), tuple(rng.integers(-1, 2, 2)), tuple(rng.integers(-1, 3, 2))):
            spots[y + dy, x + dx] = True
    dark, light = (np.clip(np.array(colour) * factor, 0, 255) for factor in (0.68, 1.18))
    tile[spots, :3] = colour
    tile[spots & ~np.roll(spots, (1, 1), (0, 1)), :3] = light
    tile[spots & ~np.roll(spots, (-1, -1), (0, 1)), :3] = dark
    shadow = ~spots & np.roll(spots, (1, 1), (0, 1))
    tile[shadow, :3] = (tile[shadow, :3] * 0.8).astype(np.uint8)
    return tile


def _bark(rng: np.random.Generator, colour: Colour) -> Tile:
    tile = _shades(_noise(rng, 1, 6), *_around(colour, 28, 5))
    cracks = rng.random((SIDE, SIDE)) < 0.05
    tile[cracks | np.roll(cracks, 1, 0), :3] = np.array(colour) // 2
    return tile


def _birch_bark(rng: np.random.Generator) -> Tile:
    tile = _shades(_noise(rng, 5, 1), (196, 196, 190), (210, 210, 204), (220, 220, 214), (230, 230, 226))
    for _ in range(7):
        y, x, length = int(rng.integers(0, SIDE)), int(rng.integers(0, SIDE)), int(rng.integers(2, 6))
        tile[y, np.arange(x, x + length) % SIDE, :3] = (60, 58, 54)
        tile[y - 1, np.arange(x + 1, x + length) % SIDE, :3] = (150, 148, 140)
    return tile


def _rings(rng: np.random.Generator, bark: Colour, inner: Colour) -> Tile:
    y, x = np.abs(np.mgrid[:SIDE, :SIDE] - 7.5)
    ring = np.maximum(x, y).astype(int)
    light = np.where(ring % 2 == 0, 1.06, 0.84) * rng.uniform(0.95, 1.05, (SIDE, SIDE))
    tile = np.full((SIDE, SIDE, 4), 255, np.uint8)
    tile[..., :3] = np.clip(np.array(inner) * light[..., None], 0, 255)
    rim = ring == 7
    tile[rim, :3] = np.clip(np.array(bark) * rng.uniform(0.8, 1.1, (rim.sum(), 1)), 0, 255)
    return tile


def _planks(rng: np.random.Generator, colour: Colour) -> Tile:
    """Four boards with dark joints."""
    tile = _shades(_noise(rng, 7, 1), *_around(colour, 9, 5))
    for board in range(4):
        bottom = board * 4 + 3
        tile[bottom, :, :3] = (tile[bottom, :, :3] * 0.66).astype(np.uint8)
        tile[board * 4, :, :3] = np.clip(tile[board * 4, :, :3] * 1.06, 0, 255).astype(np.uint8)
        joint = (board * 8 + 3) % SIDE if board % 2 else (board * 4 + 11) % SIDE
        rows = slice(board * 4, bottom)
        tile[rows, joint, :3] = (tile[rows, joint, :3] * 0.7).astype(np.uint8)
    return tile


def _leaves(rng: np.random.Generator, colour: Colour) -> Tile:
    """Clumps of leaves, with holes where it is darkest."""
    noise = _noise(rng, 2, 2)
    shades = _around(colour, 34, 6)
    tile = _shades(noise, *shades)
    holes = noise < 0.2
    tile[holes] = (*(np.array(colour) * 0.42).astype(int), 0)
    return tile


def _framed(tile: Tile, factor: float) -> Tile:
    framed = tile.copy()
    edge = np.zeros((SIDE, SIDE), bool)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    framed[edge, :3] = (framed[edge, :3] * factor).astype(np.uint8)
    return framed


def _table_top(rng: np.random.Generator) -> Tile:
    tile = _framed(_planks(rng, (176, 138, 84)), 0.55)
    tile[[3, 7, 8, 12], 3:13, :3] = (104, 74, 42)
    tile[3:13, [3, 7, 8, 12], :3] = (104, 74, 42)
    for corner_y in (0, 15):
        for corner_x in (0, 15):
            tile[corner_y, corner_x, :3] = (70, 50, 28)
    return tile


def _table_side(rng: np.random.Generator) -> Tile:
    tile = _planks(rng, (158, 122, 72))
    tile[:3, :, :3] = (tile[:3, :, :3] * 0.72).astype(np.uint8)
    tile[:, [0, 15], :3] = (88, 64, 36)
    tile[5:12, 4, :3] = (84, 60, 34)
    tile[5:7, 3:7, :3] = (150, 150, 152)
    tile[6:13, 10, :3] = (84, 60, 34)
    tile[5:8, 9:12, :3] = (122, 122, 124)
    return tile


def _table_front(rng: np.random.Generator) -> Tile:
    tile = _table_side(rng)
    tile[9:12, 3:13, :3] = (110, 80, 46)
    tile[10, 4:12, :3] = (196, 196, 198)
    return tile


def _furnace_side(rng: np.random.Generator) -> Tile:
    return _framed(_shades(_noise(rng, 3, 1), *_around((124, 124, 124), 10, 4)), 0.6)


def _furnace_top(rng: np.random.Generator) -> Tile:
    return _framed(_shades(_noise(rng, 2, 2), *_around((112, 112, 112), 9, 4)), 0.65)


def _furnace_front(rng: np.random.Generator) -> Tile:
    tile = _furnace_side(rng)
    tile[2:6, 4:12, :3] = (70, 70, 70)
    tile[3:5, 5:11, :3] = (34, 34, 34)
    tile[9:15, 3:13, :3] = (78, 78, 78)
    tile[10:14, 4:12, :3] = (26, 24, 24)
    tile[13, 5:11:2, :3] = (60, 44, 30)
    return tile


def _chest_side(rng: np.random.Generator) -> Tile:
    tile = _framed(_planks(rng, (162, 116, 50)), 0.4)
    tile[5, :, :3] = (56, 40, 18)
    return tile


def _chest_top(rng: np.random.Generator) -> Tile:
    return _framed(_planks(rng, (166, 120, 54)), 0.4)


def _chest_front(rng: np.random.Generator) -> Tile:
    tile = _chest_side(rng)
    tile[3:8, 6:10, :3] = (44, 40, 36)
    tile[4:7, 7:9, :3] = (196, 196, 190)
    return tile


def _hand(rng: np.random.Generator) -> Tile:
    return _shades(_noise(rng, 2, 2), (186, 128, 94), (196, 138, 102), (204, 146, 110), (212, 154, 118))


def _arm(rng: np.random.Generator) -> Tile:
    """Keyboard above, then the bare forearm, a sleeve below."""
    tile = _hand(rng)
    tile[0:3, 3:13:4, :3] = (168, 110, 80)
    tile[10:] = _shades(_noise(rng, 2, 2), (38, 104, 110), (44, 116, 122), (50, 128, 134))[10:]
    tile[10, :, :3] = (30, 84, 90)
    return tile


def _cracks() -> NDArray[np.uint8]:
    """(11, 256) cracks that run outwards from the middle and branch, further in each stage; the last row has none."""
    rng = np.random.default_rng(17)
    order = np.full((SIDE, SIDE), 99.0)
    for arm in range(8):
        heading = arm * 2.0 * np.pi / 8.0
        bend, late = 0.0, 0.9 * (arm % 3)
        x, y = 7.5 + 1.2 * np.cos(heading), 7.5 + 1.2 * np.sin(heading)
        for step in range(18):
            # A crack turns to and fro around its direction, about every third pixel.
            bend = rng.uniform(-1.0, 1.0) if step % 3 == 0 else bend
            x, y = x + np.cos(heading + bend), y + np.sin(heading + bend)
            if not (0 <= x < SIDE and 0 <= y < SIDE):
                break
            order[int(y), int(x)] = min(order[int(y), int(x)], late + step * 0.75)
    stages = np.zeros((11, SIDE * SIDE), np.uint8)
    for stage in range(10):
        shown = order <= 1.0 + stage
        edge = ~shown & np.roll(shown, 1, 0)
        stages[stage] = np.where(shown, 190, np.where(edge & (stage > 4), 50, 0)).ravel()
    return stages
