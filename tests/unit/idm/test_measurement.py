"""The measured figures of keys, events and mouse against cases worked out by hand."""

import json
from typing import Any

import numpy as np
import pytest

from env.actions import BUTTONS, Actions
from env.errors import RecordingError
from idm.comparison import Comparison
from idm.intervals import Bootstrap
from idm.measurement import MIN_PRESSES, common_buttons, measure
from idm.metrics import BASELINES, score
from tests.unit.idm.comparisons import held, random_play


def measured(found: list[Actions], true: list[Actions], **options: Any) -> dict[str, Any]:
    comparison = Comparison.of(found, true, **options)
    return measure(comparison, Bootstrap(comparison.lengths, resamples=50))


def noisy(run: Actions, seed: int) -> Actions:
    rng = np.random.default_rng(seed)
    return Actions(run.buttons ^ (rng.random(run.buttons.shape) < 0.1), run.camera * np.float32(0.8))


@pytest.fixture(scope="module")
def runs() -> tuple[list[Actions], list[Actions]]:
    true = [random_play(300, seed=seed) for seed in range(6)]
    return [noisy(run, seed) for seed, run in enumerate(true)], true


def test_figures_agree_with_score(runs: tuple[list[Actions], list[Actions]]) -> None:
    found, true = runs
    result, scores = measured(found, true), score(Actions.concatenate(found), Actions.concatenate(true))
    for name in BUTTONS:
        button = result["keys"]["buttons"][name]
        expected = scores.buttons[name]
        assert button["f1"]["value"] == pytest.approx(expected.f1)
        assert button["precision"]["value"] == pytest.approx(expected.precision)
        assert button["recall"]["value"] == pytest.approx(expected.recall)
        assert button["ticks_on"] == expected.support
        assert button["f1"]["low"] < expected.f1 < button["f1"]["high"]
    assert result["keys"]["macro_f1"]["value"] == pytest.approx(scores.macro_f1)
    assert result["keys"]["macro_f1"]["low"] < scores.macro_f1 < result["keys"]["macro_f1"]["high"]
    for axis in ("pitch", "yaw"):
        assert result["camera"][axis]["all"]["r2"]["value"] == pytest.approx(scores.camera_r2[axis], rel=1e-5)
        assert result["camera"][axis]["all"]["mae_degrees"]["value"] == pytest.approx(scores.camera_mae_degrees[axis])
        assert result["camera"][axis]["moving"]["scale"]["value"] == pytest.approx(0.8)


def test_visible_and_invisible_keys_make_up_the_whole(runs: tuple[list[Actions], list[Actions]]) -> None:
    result = measured(*runs)
    for part in ("ticks_on", "ticks_found", "ticks_right", "presses"):
        for name in BUTTONS:
            shown, hidden = (result[keys]["buttons"][name][part] for keys in ("keys_visible", "keys_invisible"))
            assert shown + hidden == result["keys"]["buttons"][name][part]
    assert result["keys_invisible"]["ticks"] > 0


def test_presses_are_counted_once_however_long_they_last() -> None:
    run = held(8, {"jump": ".###.#.."})
    jump = measured([run], [run])["keys"]["buttons"]["jump"]
    assert (jump["ticks_on"], jump["presses"]) == (4, 2)


def test_a_press_too_many_lowers_precision_and_a_missed_one_recall() -> None:
    once, twice = held(8, {"jump": ".#......"}), held(8, {"jump": ".#..#..."})
    for found, true, precision, recall in ((twice, once, 0.5, 1.0), (once, twice, 1.0, 0.5)):
        result = measured([found], [true])["events"]["1"]
        for kind in ("micro", "press", "release"):
            assert result[kind]["precision"]["value"] == precision
            assert result[kind]["recall"]["value"] == recall
            assert result[kind]["f1"]["value"] == pytest.approx(2 / 3)
        assert result["macro_f1"]["value"] == pytest.approx(2 / 3)
        assert result["buttons"]["jump"]["press"]["f1"] == pytest.approx(2 / 3)


def test_only_buttons_pressed_often_are_common() -> None:
    often = held(2 * MIN_PRESSES + 2, {"jump": ".#" * (MIN_PRESSES + 1), "use": ".#" * (MIN_PRESSES - 1) + "...."})
    comparison = Comparison.of([often], [often])
    assert common_buttons(comparison) == ["jump"]
    found = held(len(often), {"jump": ".#" * (MIN_PRESSES + 1), "use": "." * len(often)})
    assert measured([found], [often])["keys"]["macro_f1_common"]["value"] == 1.0  # use is missed, and does not count


def test_as_d2e_counts_by_hand() -> None:
    """Of five keyboard events true or inferred two are both, of two of the mouse's buttons none."""
    true = held(8, {"jump": ".##.##..", "attack": "..#####."[:8]}, yaw=[0, 1, 2, 0, 3, 0, 0, 0])
    found = held(8, {"jump": ".##.....", "sneak": "......##", "attack": "........"}, yaw=[0, 2, 4, 0, 6, 0, 0, 0])
    result = measured([found], [true])["as_d2e_counts"]
    assert result["keyboard_accuracy"]["value"] == pytest.approx(2 / 5)
    assert result["keyboard_accuracy"]["events"] == 5
    assert result["mouse_button_accuracy"]["value"] == 0.0
    assert result["mouse_button_accuracy"]["events"] == 2
    assert result["mouse_pearson"]["yaw"]["value"] == pytest.approx(1.0)
    assert result["mouse_scale_ratio"]["yaw"]["value"] == pytest.approx(2.0)
    assert result["mouse_pearson"]["pitch"]["value"] is None


def test_d2e_leaves_out_ticks_in_which_neither_moves() -> None:
    """Stillness found right says nothing: with it, r would be positive here."""
    still = [0.0] * 40
    true, found = held(43, yaw=[1, 2, 3, *still]), held(43, yaw=[3, 2, 1, *still])
    result = measured([found], [true])
    assert result["as_d2e_counts"]["mouse_pearson"]["yaw"]["value"] == pytest.approx(-1.0)
    assert result["camera"]["yaw"]["all"]["pearson"]["value"] > 0


def test_play_without_a_press_has_no_f1_and_no_macro() -> None:
    result = measured([held(30)], [held(30)])
    assert result["keys"]["buttons"]["jump"]["f1"] == {"value": None, "low": None, "high": None}
    assert result["keys"]["macro_f1_common"]["value"] is None
    assert result["events"]["1"]["micro"]["f1"]["value"] is None
    assert result["camera"]["yaw"]["all"]["r2"]["value"] is None
    assert result["camera"]["yaw"]["all"]["mae_degrees"]["value"] == 0.0
    assert result["as_d2e_counts"]["keyboard_accuracy"] == {"value": None, "low": None, "high": None, "events": 0}
    json.dumps(result, allow_nan=False)


def test_everything_is_plain_json_for_the_baselines_too(runs: tuple[list[Actions], list[Actions]]) -> None:
    comparison = Comparison.of(*runs)
    for guess in BASELINES.values():
        json.dumps(measure(comparison.with_guess(guess), Bootstrap(comparison.lengths, resamples=9)), allow_nan=False)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(RecordingError, match="no tick of the 1 recordings can be compared"):
        Comparison.of([held(3)], [held(3)], known=[np.zeros(3, bool)])
    with pytest.raises(ValueError, match="expected 4 of each"):
        Comparison.of([held(3)], [held(4)])
