"""Small pictures drawn by hand, one character a pixel: items, plants, hearts, digits."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]


def draw(picture: str, palette: Mapping[str, Colour]) -> NDArray[np.uint8]:
    """uint8 (H, W, 4) RGBA of a picture whose characters name colours; '.' is see-through."""
    lines = picture.split()
    image = np.zeros((len(lines), max(map(len, lines)), 4), np.uint8)
    for y, line in enumerate(lines):
        for x, character in enumerate(line):
            if character != ".":
                image[y, x] = (*palette[character], 255)
    return image


def centred(image: NDArray[np.uint8], size: int = 16) -> NDArray[np.uint8]:
    """The picture in the middle of a see-through square of `size` pixels."""
    height, width = image.shape[:2]
    square = np.zeros((size, size, 4), np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = image
    return square


_WOODEN = {"s": (104, 78, 40), "S": (73, 54, 24), "h": (137, 103, 57)}

_HEADS: dict[str, tuple[Colour, Colour, Colour]] = {
    "wooden": ((150, 116, 66), (96, 72, 37), (181, 144, 90)),
    "stone": ((138, 138, 138), (86, 86, 86), (176, 176, 176)),
    "iron": ((214, 214, 214), (126, 126, 126), (250, 250, 250)),
    "diamond": ((74, 220, 205), (24, 122, 116), (178, 246, 236)),
}

# o outline, m metal, l lit metal; s S h the handle.
_TOOLS = {
    "pickaxe": """
        ................
        .....ooooo......
        ....olmmmmooo...
        .....ooommmmso..
        ........oommSo..
        .........hsmmo..
        ........hsSommo.
        .......hsS.ommo.
        ......hsS..ommo.
        .....hsS....omo.
        ....hsS.....omo.
        ...hsS......oo..
        ..hsS...........
        .hsS............
        .SS.............
        ................""",
    "axe": """
        ................
        ........oo......
        ......oolmoo....
        .....olmmmmho...
        .....olmmmhsS...
        .....olmmhsSmo..
        .....oommsSmmo..
        ......ohsSmmmo..
        ......hsSommo...
        .....hsS.ooo....
        ....hsS.........
        ...hsS..........
        ..hsS...........
        .hsS............
        .SS.............
        ................""",
    "shovel": """
        ................
        ..........oooo..
        .........olmmmo.
        ........olmmmmo.
        ........ommmmmo.
        ........omsmmo..
        ........hsSoo...
        .......hsS......
        ......hsS.......
        .....hsS........
        ....hsS.........
        ...hsS..........
        ..hsS...........
        .hsS............
        .SS.............
        ................""",
    "sword": """
        .............ooo
        ............olmo
        ...........olmo.
        ..........olmo..
        .........olmo...
        ........olmo....
        .......olmo.....
        ..o...olmo......
        ..oo.olmo.......
        ..omolmo........
        ...ommo.........
        ...hmmoo........
        ..hsSomoo.......
        .hsS..ooo.......
        oos.............
        ooo.............""",
    "hoe": """
        ................
        ......oooo......
        .....olmmmoo....
        ......oommmso...
        ........omsmo...
        .........hsSmo..
        ........hsS.oo..
        .......hsS......
        ......hsS.......
        .....hsS........
        ....hsS.........
        ...hsS..........
        ..hsS...........
        .hsS............
        .SS.............
        ................""",
}

_ROUND_LUMP = """
    .....oooo...
    ...ooammmoo.
    ..oammdmmmo.
    .oammmmdmmmo
    oammdmmmmdmo
    ommmmmdmmmmo
    ommdmmmmmdmo
    .ommmmdmmmo.
    ..oodmmmoo..
    ....oooo...."""

_INGOT = """
    ..........ooooo.
    .......oooaaamo.
    ....oooaaaaammo.
    .oooaaaaammmmdo.
    oaaaaammmmmmddo.
    oammmmmmmdddddo.
    ommmmddddddoooo.
    odddddddoooo....
    .oooooooo......."""

_GEM = """
    ...oooooo...
    ..oaaammmo..
    .oaaammmmdo.
    oaaammmmmddo
    oaammmmmdddo
    .oammmmdddo.
    ..oammddoo..
    ...oamdo....
    ....oo......"""

_DUST = """
    ......m.....
    ..m..dmm..m.
    ...mmammd...
    ..mmaammmm..
    .dmammmmmmd.
    mmmmmdmmmmmm
    .ddmmmmdmdd.
    ...dddddd..."""

_APPLE = """
    ......bb....
    .....bgg....
    .ooo.boooo..
    oammobmmmmo.
    oaammmmmmdo.
    oammmmmmmdo.
    ommmmmmmmdo.
    ommmmmmmddo.
    .ommmmmddo..
    ..omddddo...
    ...oo.oo...."""

_SEEDS = """
    ....g.......
    ...gG...g...
    .......gG...
    .g..........
    gG...g....g.
    ....gG...gG.
    .g..........
    gG....g.....
    .....gG....."""

_STICK = """
    ............hs
    ...........hsS
    ..........hsS.
    .........hsS..
    ........hsS...
    .......hsS....
    ......hsS.....
    .....hsS......
    ....hsS.......
    ...hsS........
    ..hsS.........
    .hsS..........
    hsS...........
    SS............"""


def _shaded(outline: Colour, dark: Colour, middle: Colour, light: Colour) -> dict[str, Colour]:
    return {"o": outline, "d": dark, "m": middle, "a": light}


def item_sprites() -> dict[str, NDArray[np.uint8]]:
    """uint8 (16, 16, 4) pictures of all items that are no blocks, by name."""
    iron = _shaded((90, 90, 90), (168, 168, 168), (216, 216, 216), (255, 255, 255))
    gold = _shaded((134, 90, 20), (205, 148, 36), (250, 205, 64), (255, 246, 160))
    apple = _shaded((110, 14, 20), (164, 22, 30), (218, 40, 44), (255, 150, 140)) | {
        "b": (88, 58, 28),
        "g": (78, 154, 42),
    }
    sprites = {
        "stick": draw(_STICK, _WOODEN),
        "coal": draw(_ROUND_LUMP, _shaded((18, 18, 18), (34, 34, 34), (52, 52, 54), (92, 92, 96))),
        "charcoal": draw(_ROUND_LUMP, _shaded((24, 18, 12), (42, 34, 27), (63, 53, 43), (101, 87, 70))),
        "iron_ingot": draw(_INGOT, iron),
        "gold_ingot": draw(_INGOT, gold),
        "diamond": draw(_GEM, _shaded((20, 110, 110), (42, 178, 172), (84, 226, 214), (205, 252, 246))),
        "redstone": draw(_DUST, _shaded((90, 0, 0), (118, 8, 8), (205, 20, 16), (255, 96, 84))),
        "flint": draw(_GEM, _shaded((24, 24, 26), (46, 46, 50), (74, 74, 80), (122, 122, 130))),
        "apple": draw(_APPLE, apple),
        "wheat_seeds": draw(_SEEDS, {"g": (96, 160, 50), "G": (50, 98, 26)}),
    }  # fmt: skip
    for material, (metal, outline, lit) in _HEADS.items():
        palette = {**_WOODEN, "m": metal, "o": outline, "l": lit}
        for tool, picture in _TOOLS.items():
            sprites[f"{material}_{tool}"] = draw(picture, palette)
    return {name: centred(sprite) for name, sprite in sprites.items()}


_STEM = {"g": (58, 128, 38), "G": (38, 94, 26), "l": (92, 162, 52)}

_FLOWERS: dict[str, tuple[str, dict[str, Colour]]] = {
    "poppy": (
        "...rr... ..rRRr.. .rRkRRr. .rRRkRr. ..rRRr.. ...Gr... ...g.... ...g.l.. ..lg.l.. ..lglg.. ...gg...",
        {"r": (176, 20, 18), "R": (228, 46, 38), "k": (60, 14, 20)},
    ),
    "dandelion": (
        "...yy... ..yYYy.. ..YYYY.. ...oo... ...g.... ...g.... .l.g.l.. .llgll.. ..lggl..",
        {"y": (250, 214, 40), "Y": (255, 240, 90), "o": (214, 160, 20)},
    ),
    "cornflower": (
        "..b.b... .bBbBb.. ..BkB... .bBBBb.. ..b.b... ...g.... ...g.... ..lg.l.. ..lggl.. ...gl... ...g....",
        {"b": (56, 84, 214), "B": (104, 132, 246), "k": (34, 40, 120)},
    ),
    "oxeye_daisy": (
        "..w.w... .wwWww.. .WyyyW.. .wyyyw.. .WwWww.. ..wgw... ...g.... ...g.... ..lg.l.. ..lgl... ...g....",
        {"w": (222, 226, 232), "W": (250, 252, 255), "y": (244, 202, 50)},
    ),
}

_SAPLING = """
    ......ll........
    ....llLLll......
    ...lLLgLLLl.....
    ..lLgLLLgLLl....
    ..LLLLgLLLLL....
    .lLgLLLLLgLLl...
    .LLLLgLLLLLLL...
    ..lLLLLbLLLl....
    ...LLgLbLLL.....
    .....gLbLg......
    .......b........
    .......b........
    ......bb........
    ......b........."""


def plant_sprites() -> dict[str, NDArray[np.uint8]]:
    """uint8 (16, 16, 4) pictures of the flowers and saplings by block name, standing on the lower edge."""
    pictures = {name: draw(picture, _STEM | colours) for name, (picture, colours) in _FLOWERS.items()}
    bark = {"b": (96, 72, 40)}
    pictures["oak_sapling"] = draw(_SAPLING, {"l": (88, 150, 48), "L": (62, 118, 34), "g": (44, 88, 26), **bark})
    pictures["birch_sapling"] = draw(
        _SAPLING, {"l": (134, 176, 84), "L": (100, 144, 62), "g": (70, 110, 44), "b": (190, 190, 180)}
    )
    planted = {}
    for name, picture in pictures.items():
        tile = np.zeros((16, 16, 4), np.uint8)
        height, width = picture.shape[:2]
        tile[16 - height :, (16 - width) // 2 : (16 - width) // 2 + width] = picture
        planted[name] = tile
    return planted


_HEART = """
    .ooo.ooo.
    oaammmmmo
    oaammmmmo
    ommmmmmmo
    ommmmmmdo
    .ommmmdo.
    ..ommdo..
    ...odo...
    ....o...."""

_DRUMSTICK = """
    ...oooo..
    ..oammmo.
    .oammmmmo
    .ommmmmmo
    .ommmmmdo
    .oommmdo.
    owwoooo..
    owwo.....
    .oo......"""

_DIGITS = (
    ".###. #...# #..## #.#.# ##..# #...# .###.",
    "..#.. .##.. ..#.. ..#.. ..#.. ..#.. #####",
    ".###. #...# ....# ..##. .#... #...# #####",
    ".###. #...# ....# ..##. ....# #...# .###.",
    "...## ..#.# .#..# #...# ##### ....# ....#",
    "##### #.... ####. ....# ....# #...# .###.",
    "..##. .#... #.... ####. #...# #...# .###.",
    "##### #...# ....# ...#. ..#.. ..#.. ..#..",
    ".###. #...# #...# .###. #...# #...# .###.",
    ".###. #...# #...# .#### ....# ...#. .##..",
)


def digits() -> NDArray[np.bool_]:
    """(10, 7, 5) the shapes of the digits 0 to 9."""
    return np.stack([draw(digit, {"#": (255, 255, 255)})[..., 3] > 0 for digit in _DIGITS])


def status_icons() -> dict[str, NDArray[np.uint8]]:
    """uint8 (9, 9, 4) pictures for the rows above the hotbar: heart and food, each full, half and empty."""
    black, hollow = (0, 0, 0), (46, 40, 40)
    heart = {"o": black, "m": (224, 26, 22), "d": (166, 12, 14), "a": (255, 158, 150)}
    meat = {"o": black, "m": (170, 104, 48), "d": (122, 68, 28), "a": (214, 152, 92), "w": (236, 226, 204)}
    icons: dict[str, NDArray[np.uint8]] = {}
    for name, picture, palette in (("heart", _HEART, heart), ("food", _DRUMSTICK, meat)):
        full = draw(picture, palette)
        empty = draw(picture, {key: black if key == "o" else hollow for key in palette})
        half = empty.copy()
        # Hearts empty from the right, drumsticks from the left, as the rows do.
        kept = slice(0, 5) if name == "heart" else slice(4, 9)
        half[:, kept] = full[:, kept]
        icons |= {f"{name}_full": full, f"{name}_half": half, f"{name}_empty": empty}
    return icons
