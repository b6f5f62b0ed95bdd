"""Checks of values that come from outside: actions, options, arguments. What fails names itself in one line."""

import difflib
import operator
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from env.errors import GhostkeysError


def as_numbers(value: Any) -> NDArray[Any] | None:
    """The value as an array of booleans, integers or floats; None if it is something else."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # lists of unequal lengths, tensors that are elsewhere
        return None
    return array if array.dtype.kind in "biuf" else None


def number(name: str, value: Any, *, least: float, most: float) -> float:
    """An argument that is a finite number within bounds. Raises `GhostkeysError`."""
    numbers = as_numbers(value)
    if numbers is None or numbers.shape != () or numbers.dtype == np.bool_ or not least <= numbers.item() <= most:
        raise GhostkeysError(f"{name} is {shown(value)}; expected a number from {least:g} to {most:g}.")
    return float(numbers.item())


def whole_number(name: str, value: Any, *, least: int, most: int) -> int:
    """An argument that is a whole number within bounds, as a Python `int`. Raises `GhostkeysError`."""
    try:
        whole = operator.index(value)
    except TypeError:
        whole = None
    if whole is None or isinstance(value, bool | np.bool_) or not least <= whole <= most:
        raise GhostkeysError(f"{name} is {shown(value)}; expected a whole number from {least} to {most}.")
    return whole


def one_of(name: str, value: object, known: Collection[str]) -> str:
    """An argument that is one of some names. Raises `GhostkeysError`, which knows the name that was meant."""
    if not isinstance(value, str) or value not in known:
        raise GhostkeysError(f"{name} is {shown(value)}; {did_you_mean(value, known)}")
    return value


def did_you_mean(value: object, known: Collection[str]) -> str:
    """The end of a message about an unknown name: the known one nearest to it, or else all of them (24 at most)."""
    near = difflib.get_close_matches(str(value), known, n=1, cutoff=0.5) if isinstance(value, str) else []
    if near:
        return f"did you mean {near[0]!r}?"
    names = list(known)
    return f"expected one of {', '.join(names[:24])}{', ...' if len(names) > 24 else '.'}"


def shown(value: object) -> str:
    """A value as a message shows it: on one line, and not longer than a line."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an integer of thousands of digits
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
