"""The bootstrap against a plain loop over drawn recordings."""

import numpy as np
import pytest
from numpy.typing import NDArray

from idm.intervals import BLOCK, Bootstrap, Estimate


def mean(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return sums[:, :1] / sums[:, 1:]


def test_intervals_are_those_of_recordings_drawn_with_replacement() -> None:
    rng = np.random.default_rng(1)
    lengths = [30, 50, 20, 40, 60, 35]
    runs = [rng.normal(loc=number, size=length) for number, length in enumerate(lengths)]
    bootstrap = Bootstrap(lengths, resamples=400, seed=3)
    values = np.concatenate(runs)
    (found,) = bootstrap.estimate(mean, bootstrap.sums(np.stack([values, np.ones_like(values)], axis=1)))

    draws = [np.repeat(np.arange(6), weights) for weights in bootstrap.weights]
    plain = [np.concatenate([runs[i] for i in drawn]).mean() for drawn in draws]
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(np.quantile(plain, 0.025))
    assert found.high == pytest.approx(np.quantile(plain, 0.975))
    assert all(len(drawn) == 6 for drawn in draws)


def test_the_same_seed_draws_the_same() -> None:
    assert (Bootstrap([9] * 8, seed=1).weights == Bootstrap([9] * 8, seed=1).weights).all()
    assert (Bootstrap([9] * 8, seed=1).weights != Bootstrap([9] * 8, seed=2).weights).any()


def test_few_recordings_are_cut_into_blocks_of_a_minute() -> None:
    bootstrap = Bootstrap([3 * BLOCK + 100, 300])
    assert (bootstrap.over, len(bootstrap.starts)) == ("blocks", 4)
    assert bootstrap.starts.tolist() == [0, 1233, 2466, 3700]
    assert "fewer than 5 recordings" in bootstrap.note()
    assert Bootstrap([300] * 5).over == "recordings"


def test_a_single_unit_has_no_interval() -> None:
    bootstrap = Bootstrap([100])
    assert bootstrap.estimate(mean, bootstrap.sums(np.ones((100, 2)))) == [Estimate(1.0, None, None)]
    assert bootstrap.note().startswith("no intervals")


def test_what_is_not_defined_is_none() -> None:
    bootstrap = Bootstrap([10] * 6)
    assert bootstrap.estimate(mean, bootstrap.sums(np.zeros((60, 2)))) == [Estimate(None)]


def test_a_figure_with_one_recording_behind_it_has_no_interval() -> None:
    """Drawing that recording again and again would make it look certain; two are a little better."""
    bootstrap = Bootstrap([10] * 6)
    for number, has_one in ((1, False), (2, True)):
        values = np.zeros((60, 2))
        values[: 10 * number] = np.random.default_rng(0).random((10 * number, 2))
        (found,) = bootstrap.estimate(mean, bootstrap.sums(values))
        assert found.value is not None
        assert (found.low is not None) is has_one


def test_play_that_varies_more_between_recordings_has_wider_intervals() -> None:
    alike, apart = np.tile([0.0, 1.0], 300), np.repeat([0.0, 1.0], 300)
    widths = []
    for values in (alike, apart):
        bootstrap = Bootstrap([60] * 10)
        (found,) = bootstrap.estimate(mean, bootstrap.sums(np.stack([values, np.ones(600)], axis=1)))
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths[0] == pytest.approx(0.0)
    assert widths[1] > 0.4
