"""Calibration errors and risk by coverage against plain loops."""

import numpy as np
import pytest

from env.actions import BUTTONS, Actions
from env.camera import CameraQuantizer
from idm.model import Prediction
from idm.reliability import calibration_error, reliability, risk_coverage, tick_confidence, tick_losses
from tests.unit.idm.comparisons import held


def test_calibration_error_is_that_of_sorted_groups() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(15 * 40)
    happened = rng.random(p.size) < p**2
    order = np.argsort(p)
    groups = [order[start : start + 40] for start in range(0, p.size, 40)]
    plain = np.mean([abs(p[group].mean() - happened[group].mean()) for group in groups])
    assert calibration_error(p, happened) == pytest.approx(plain)
    assert plain > 0.05


def test_honest_probabilities_have_next_to_no_error() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(200_000)
    error = calibration_error(p, rng.random(p.size) < p)
    assert error is not None
    assert error < 0.01


def test_equal_probabilities_are_one_group_in_any_order() -> None:
    """Split by their order, a coin said to be fair would look wrong in every group."""
    p, happened = np.full(100, 0.5), np.repeat([True, False], 50)
    assert calibration_error(p, happened) == pytest.approx(0.0)
    assert calibration_error(np.full(100, 0.9), happened) == pytest.approx(0.4)


def test_no_probabilities_have_no_error() -> None:
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) is None


def test_risk_by_coverage_by_hand() -> None:
    confidence = np.array([0.1, 0.9, 0.8, 0.7])
    risk = risk_coverage(confidence, {"wrong": np.array([4.0, 0.0, 0.0, 2.0])})["wrong"]
    assert risk["at_coverage"] == {
        "1.00": pytest.approx(1.5), "0.90": pytest.approx(1.5), "0.75": pytest.approx(2 / 3), "0.50": 0.0,
    }  # fmt: skip
    assert risk["gain"] == risk["best_gain"] == pytest.approx(1 - (2 / 3) / 1.5)
    assert risk["curve"]["coverage"][-1] == 1.0
    assert risk["curve"]["error"][-1] == pytest.approx(1.5)


def test_confidence_that_is_upside_down_gains_less_than_nothing() -> None:
    risk = risk_coverage(np.array([0.9, 0.1, 0.2, 0.3]), {"wrong": np.array([4.0, 0.0, 0.0, 0.0])})["wrong"]
    assert risk["gain"] == pytest.approx(-1 / 3)
    assert risk["best_gain"] == 1.0


def test_where_nothing_is_wrong_there_is_nothing_to_gain() -> None:
    assert risk_coverage(np.array([0.5, 0.6]), {"wrong": np.zeros(2)})["wrong"]["gain"] is None


def prediction(actions: Actions, *, certain: float) -> Prediction:
    """Each button as in `actions` and each camera bin with probability `certain`."""
    pressed = np.where(actions.buttons, certain, 1 - certain)
    bins = CameraQuantizer().encode(actions.camera)[..., None]
    camera = np.full((len(actions), 2, 11), (1 - certain) / 10)
    np.put_along_axis(camera, bins, certain, axis=-1)
    buttons = np.stack([1 - pressed, pressed], axis=-1)
    return Prediction(actions, np.log(buttons).astype(np.float32), np.log(camera).astype(np.float32))


def test_reliability_of_a_model_that_is_always_right_and_half_sure() -> None:
    true = held(100, dict.fromkeys(BUTTONS[:10], "#" * 100), yaw=[3.0] * 100)
    found = reliability(prediction(true, certain=0.6), true)
    assert found["camera_ece"] == {"pitch": pytest.approx(0.4), "yaw": pytest.approx(0.4)}
    assert found["camera_bin_accuracy"] == {"pitch": 1.0, "yaw": 1.0}
    assert found["buttons_ece"] == found["buttons_ece_likely"] == pytest.approx(0.4)
    assert found["risk"]["wrong_keys"]["at_coverage"]["1.00"] == 0.0


def test_buttons_that_are_nearly_impossible_are_not_among_the_likely() -> None:
    """They would hide how wrong the others are."""
    true = held(100, {"forward": "." * 100})
    found = prediction(true, certain=0.999)
    found.button_log_probs[:, 2] = np.log([0.2, 0.8])  # forward, which is never pressed
    result = reliability(found, true)
    assert result["likely_share"] == pytest.approx(1 / 20)
    assert result["buttons_ece_likely"] == pytest.approx(0.8, abs=1e-6)
    assert result["buttons_ece"] == pytest.approx((0.8 + 19 * 0.001) / 20, abs=1e-6)


def test_confidence_is_the_product_of_what_is_said() -> None:
    buttons = np.zeros((1, 20), bool)
    buttons[0, 0] = True
    probabilities = np.zeros((1, 20), np.float32)
    probabilities[0, :2] = 0.8, 0.5
    assert tick_confidence(buttons, probabilities, np.full(1, 0.5, np.float32)) == pytest.approx(0.8 * 0.5 * 0.5)


def test_losses_are_negative_log_likelihoods() -> None:
    true = held(2, {"jump": ".#"}, yaw=[0, 5])
    sure, other = prediction(true, certain=0.9), held(2, {"jump": "#."}, yaw=[0, 5])
    assert tick_losses(sure, true) == pytest.approx(-22 * np.log(0.9), rel=1e-5)
    assert tick_losses(sure, other) == pytest.approx(-21 * np.log(0.9) - np.log(0.1), rel=1e-5)
