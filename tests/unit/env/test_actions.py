"""Actions and MineRL's dicts."""

import numpy as np
import pytest

from env import BUTTONS, MINERL_KEYS, Actions, minerl_action_space
from env.actions import no_op
from env.errors import GhostkeysError


def random_actions(length: int, seed: int = 0) -> Actions:
    generator = np.random.default_rng(seed)
    return Actions(generator.random((length, 20)) < 0.3, generator.normal(0, 5, (length, 2)).astype(np.float32))


def test_minerl_dicts_round_trip() -> None:
    actions = random_actions(50)
    assert Actions.from_minerl(actions.to_minerl()) == actions


def test_minerl_dicts_lie_in_minerls_action_space() -> None:
    space = minerl_action_space()
    assert tuple(space) == MINERL_KEYS
    assert all(space.contains(action) for action in random_actions(20).to_minerl())
    assert space.contains(no_op())
    assert Actions.from_minerl([no_op()]) == Actions.none(1)


def test_samples_of_the_space_become_actions() -> None:
    space = minerl_action_space()
    space.seed(0)
    samples = [space.sample() for _ in range(20)]
    actions = Actions.from_minerl(samples)
    np.testing.assert_array_equal(actions.button("jump"), [bool(sample["jump"]) for sample in samples])
    np.testing.assert_array_equal(actions.camera, [sample["camera"] for sample in samples])


def test_missing_names_mean_nothing_pressed() -> None:
    actions = Actions.from_minerl([{"forward": 1}, {"camera": [1, -2]}, {}])
    assert actions.button("forward").tolist() == [True, False, False]
    assert actions.camera.tolist() == [[0, 0], [1, -2], [0, 0]]


def test_a_misspelt_name_is_refused_with_a_hint() -> None:
    with pytest.raises(GhostkeysError, match="'foward' is no name of MineRL's action space: did you mean 'forward'"):
        Actions.from_minerl([{"foward": 1}])


def test_slices_and_concatenation() -> None:
    actions = random_actions(10)
    assert len(actions) == 10
    assert len(actions[3:7]) == 4
    assert Actions.concatenate([actions[:4], actions[4:]]) == actions
    assert len(Actions.concatenate([])) == 0
    assert actions[np.arange(10) % 2 == 0] == actions[::2]
    assert actions[:5] != actions[1:6]


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(T, 20\) and \(T, 2\)"):
        Actions(np.zeros((3, len(BUTTONS)), bool), np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError, match="no run of ticks"):
        Actions(np.zeros((3, 19), bool), np.zeros((3, 2), np.float32))
