"""Scores against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from env import BUTTONS, Actions
from env.invisible import visible_keys
from idm.evaluation import evaluate
from idm.metrics import baselines, previous_tick, repeat_last, score
from idm.model import InverseDynamicsModel
from tests.unit.idm.clips import TINY, make_episode


def run(forward: list[int], *, yaw: list[float] | None = None) -> Actions:
    buttons = np.zeros((len(forward), len(BUTTONS)), np.bool_)
    buttons[:, BUTTONS.index("forward")] = forward
    camera = np.zeros((len(forward), 2), np.float32)
    camera[:, 1] = yaw or 0.0
    return Actions(buttons, camera)


def test_scores_by_hand() -> None:
    scores = score(run([1, 1, 0, 0], yaw=[1, 2, 3, 3]), run([1, 0, 1, 1], yaw=[1, 2, 3, 4]))
    forward = scores.buttons["forward"]
    assert (forward.precision, forward.support) == (0.5, 3)
    assert forward.recall == pytest.approx(1 / 3)
    assert forward.f1 == pytest.approx(0.4)
    assert scores.macro_f1 == pytest.approx(0.4)  # the other buttons were neither pressed nor found
    assert scores.keypress_accuracy == pytest.approx(1 - 3 / 80)
    assert scores.camera_r2["yaw"] == pytest.approx(1 - 1 / 5)
    assert scores.camera_mae_degrees["yaw"] == pytest.approx(0.25)
    assert scores.camera_r2["pitch"] == 1.0


def test_a_false_alarm_lowers_macro_f1() -> None:
    true = run([1, 1])
    found = Actions(true.buttons.copy(), true.camera)
    found.buttons[0, BUTTONS.index("sneak")] = True
    assert score(found, true).macro_f1 == pytest.approx(0.5)


def test_only_known_ticks_count() -> None:
    scores = score(run([1, 0, 0]), run([1, 0, 1]), known=np.array([True, True, False]))
    assert (scores.ticks, scores.keypress_accuracy) == (2, 1.0)


def test_log_loss_by_hand() -> None:
    scores = score(run([1]), run([1]), button_probabilities=np.full((1, 20), 0.5))
    assert scores.button_log_loss == pytest.approx(np.log(2))


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 predicted ticks"):
        score(run([1, 0]), run([1]))


def test_repeat_last_knows_only_what_was_before_each_clip() -> None:
    true = run([1, 1, 0, 1, 0, 0])
    assert repeat_last(true, clip=2).button("forward").tolist() == [False, False, True, True, True, True]


def test_previous_tick_is_one_late() -> None:
    assert previous_tick(run([1, 0, 1])).button("forward").tolist() == [False, True, False]


def test_baselines_do_not_carry_over_between_recordings() -> None:
    scores = baselines([run([0, 1]), run([0, 0])])["previous_tick"]
    assert scores.buttons["forward"].support == 1
    assert scores.keypress_accuracy == pytest.approx(1 - 1 / 80)


def test_keys_that_cannot_show_are_not_counted() -> None:
    """A sprint held on, in a run that began with it, is no miss; what is found wrongly where it would show is."""
    true, found = run([1, 1, 1]), run([1, 1, 1])
    sprint = BUTTONS.index("sprint")
    true.buttons[:, sprint] = True
    found.buttons[0, sprint] = True
    whole, shown = score(found, true), score(found, true, visible=visible_keys(true))
    assert whole.buttons["sprint"].f1 == pytest.approx(0.5)
    assert (shown.buttons["sprint"].f1, shown.buttons["sprint"].support) == (1.0, 1)
    assert shown.keypress_accuracy == 1.0


def test_absurd_truth_in_unusable_ticks_decides_no_score() -> None:
    """Neither the model's nor that of a guess which repeats it."""
    torch.manual_seed(0)
    model, episode = InverseDynamicsModel(TINY).eval(), make_episode(40, seed=0)
    usable = np.ones(40, bool)
    usable[[7, 20]] = False
    clean = evaluate(model, [replace(episode, usable=usable)]).to_dict()
    absurd = Actions(episode.actions.buttons.copy(), episode.actions.camera.copy())
    absurd.camera[[7, 20]], absurd.buttons[[7, 20]] = 8550.0, True
    assert evaluate(model, [replace(episode, usable=usable, actions=absurd)]).to_dict() == clean
    assert clean["model"]["ticks"] == 37
