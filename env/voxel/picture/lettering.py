"""The letters of the titles on screens, drawn by hand."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from env.voxel.picture.sprites import draw

_LETTERS = {
    "C": ".###. #...# #.... #.... #.... #...# .###.",
    "F": "##### #.... ###.. #.... #.... #.... #....",
    "I": "### .#. .#. .#. .#. .#. ###",
    "a": "..... ..... .###. ....# .#### #...# .####",
    "c": "..... ..... .###. #...# #.... #...# .###.",
    "e": "..... ..... .###. #...# ##### #.... .####",
    "f": "..## .#.. #### .#.. .#.. .#.. .#..",
    "g": "..... ..... .#### #...# #...# .#### ....# ####.",
    "i": "# . # # # # #",
    "n": "..... ..... ####. #...# #...# #...# #...#",
    "o": "..... ..... .###. #...# #...# #...# .###.",
    "r": "..... ..... #.##. ##..# #.... #.... #....",
    "t": ".#. .#. ### .#. .#. .#. ..#",
    "u": "..... ..... #...# #...# #...# #...# .####",
    "v": "..... ..... #...# #...# #...# .#.#. ..#..",
    "y": "..... ..... #...# #...# #...# .#### ....# ####.",
}
_GREY = (64, 64, 64)


@cache
def title(text: str) -> NDArray[np.uint8]:
    """uint8 (8, W, 4) a word in grey; `KeyError` for a letter that no title has."""
    letters = [draw(_LETTERS[letter], {"#": _GREY}) for letter in text]
    image = np.zeros((8, sum(letter.shape[1] + 1 for letter in letters), 4), np.uint8)
    x = 0
    for letter in letters:
        height, width = letter.shape[:2]
        image[:height, x : x + width] = letter
        x += width + 1
    return image
