"""The camera's figures against the plain formulas."""

import numpy as np
import pytest
from numpy.typing import NDArray

from env.actions import Actions
from idm.comparison import Comparison
from idm.turns import FIGURES, mean_turn_ratio, subsets, turn_figures, turn_sums
from tests.unit.idm.comparisons import held


def figures(true: NDArray[np.float32], found: NDArray[np.float32]) -> dict[str, float]:
    """Of the yaw, over all ticks."""
    empty = np.zeros((len(true), 20), bool)
    runs = [Actions(empty, np.stack([np.zeros_like(turns), turns], axis=1)) for turns in (found, true)]
    comparison = Comparison.of(runs[:1], runs[1:])
    with np.errstate(all="ignore"):
        found_figures = turn_figures(turn_sums(comparison, comparison.known).sum(axis=0))[1]
    return dict(zip(FIGURES, found_figures.tolist(), strict=True))


def test_figures_are_those_of_the_formulas() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(loc=0.5, scale=4, size=500).astype(np.float32)
    found = (0.7 * true + rng.normal(size=500)).astype(np.float32)
    result = figures(true, found)
    assert result["r2"] == pytest.approx(1 - ((found - true) ** 2).sum() / ((true - true.mean()) ** 2).sum(), rel=1e-5)
    assert result["mae_degrees"] == pytest.approx(np.abs(found - true).mean(), rel=1e-5)
    assert result["pearson"] == pytest.approx(np.corrcoef(true, found)[0, 1], rel=1e-5)
    assert result["scale"] == pytest.approx(np.polyfit(true, found, 1)[0], rel=1e-5)
    assert result["n"] == 500


def test_turns_found_at_half_their_size_have_a_scale_of_one_half() -> None:
    true = np.array([1, -2, 4, 0], np.float32)
    assert figures(true, true * np.float32(0.5))["scale"] == pytest.approx(0.5)
    assert figures(true, true * np.float32(0.5))["pearson"] == pytest.approx(1.0)


@pytest.mark.parametrize("turn", [0.0, 0.1, 7.3])
def test_a_view_that_turns_evenly_has_an_error_but_no_r2(turn: float) -> None:
    result = figures(np.full(100, turn, np.float32), np.full(100, turn + 0.5, np.float32))
    assert result["mae_degrees"] == pytest.approx(0.5)
    assert np.isnan([result["r2"], result["pearson"], result["scale"]]).all()


def test_moving_and_still_and_screens_are_told_apart() -> None:
    """A recording without word of screens belongs to neither of these."""
    first, second = held(3, yaw=[1, 0, 0], pitch=[0, 2, 0]), held(2, yaw=[3, 0])
    comparison = Comparison.of(
        [first, second], [first, second], known=[np.array([1, 1, 1], bool), np.array([1, 0], bool)],
        gui=[np.array([0, 1, 0], bool), None],
    )  # fmt: skip
    chosen = {name: np.flatnonzero(ticks).tolist() for name, ticks in subsets(comparison).items()}
    assert chosen == {
        "all": [0, 1, 2, 3], "moving": [0, 1, 3], "still": [2], "screen_open": [1], "screen_closed": [0, 2],
    }  # fmt: skip


def test_the_mean_turn_ratio_is_the_same_for_twice_and_half() -> None:
    true = held(4, yaw=[1, -1, 2, 0])
    for factor in (2.0, 0.5):
        found = Actions(true.buttons, true.camera * np.float32(factor))
        comparison = Comparison.of([found], [true])
        with np.errstate(all="ignore"):
            ratio = mean_turn_ratio(turn_sums(comparison, comparison.known).sum(axis=0))
        assert ratio[1] == pytest.approx(2.0)
        assert np.isnan(ratio[0])
