"""Actions and MineRL's dicts."""

import math
from typing import Any

import numpy as np
import pytest

from env import BUTTONS, MINERL_KEYS, Actions, minerl_action_space
from env.actions import no_op, read_action
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


@pytest.mark.parametrize(
    "one", [1, True, 1.0, np.int64(1), np.bool_(True), np.float32(1), np.array(1), np.array([1]), [1], [[True]]]
)
def test_a_button_is_a_number_or_an_array_of_one(one: Any) -> None:
    assert read_action({"jump": one, "attack": 0}) == (frozenset({"jump"}), (0.0, 0.0))
    assert Actions.from_minerl([{"jump": one}]).button("jump").tolist() == [True]


@pytest.mark.parametrize("camera", [(1.5, -2), [1.5, -2.0], np.array([1.5, -2], np.float16), np.array([[1.5, -2.0]])])
def test_a_turn_is_two_numbers(camera: Any) -> None:
    assert read_action({"camera": camera}) == (frozenset(), (1.5, -2.0))
    assert Actions.from_minerl([{"camera": camera}]).camera.tolist() == [[1.5, -2.0]]


HUGE = 10**5000
NO_BUTTONS: list[Any] = [
    2, -1, 0.5, math.nan, math.inf, HUGE, None, "1", b"1", 1j, [], [0, 1], [[1], []], {}, {1}, object(),
    np.array([1, 0]), np.array(math.nan), np.array("1"), np.array(None),
]  # fmt: skip
NO_TURNS: list[Any] = [
    0, 1.5, None, "0 0", (), (1,), (1, 2, 3), [[1], [2]], [[1], [2, 3]], ("1", "2"), (True, False), (1j, 0), (None, 0),
    {}, {1, 2}, np.zeros((2, 1)), np.zeros((2, 2)), (math.nan, 0), (0, math.inf), (-math.inf, 0), (180.5, 0), (0, -181),
    (1e300, 0), (0, HUGE),
]  # fmt: skip


@pytest.mark.parametrize("value", NO_BUTTONS, ids=range(len(NO_BUTTONS)))
def test_what_is_no_button_is_refused_by_name(value: Any) -> None:
    with pytest.raises(GhostkeysError, match=r"'sneak' is .*; expected 0 or 1") as error:
        read_action({"jump": 1, "sneak": value})
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 160


@pytest.mark.parametrize("value", NO_TURNS, ids=range(len(NO_TURNS)))
def test_what_is_no_turn_is_refused(value: Any) -> None:
    with pytest.raises(GhostkeysError, match=r"'camera' is .*; expected (two numbers|degrees from -180 to 180)"):
        read_action({"camera": value})


@pytest.mark.parametrize("value", [None, [], 3, "forward", [{"forward": 1}], np.zeros(24)], ids=range(6))
def test_an_action_is_a_dict(value: Any) -> None:
    with pytest.raises(GhostkeysError, match="expected a dict of MineRL's keys"):
        read_action(value)


def test_arrays_over_ticks_are_checked_like_single_ticks() -> None:
    for value in ([0, 2], [0.5, 1], ["1", "0"], [math.nan, 0], [[1], [0, 1]]):
        with pytest.raises(GhostkeysError, match=r"'sneak' is .*; expected 0 or 1 at each tick"):
            Actions.from_minerl({"sneak": value})
    turns: list[Any] = [math.nan, [1, 2, 3], [[1, 2, 3]], ["a", "b"], [[0, 1], [math.inf, 0]], [[0, 181]]]
    for turn in turns:
        with pytest.raises(GhostkeysError, match=r"'camera' is .*; expected "):
            Actions.from_minerl({"camera": turn})


def test_the_bound_of_minerls_camera_is_a_turn_too() -> None:
    assert read_action({"camera": np.array([180, -180], np.float32)}).camera == (180.0, -180.0)


def test_names_that_are_no_text_are_refused() -> None:
    with pytest.raises(GhostkeysError, match="3 is no name of MineRL's action space: expected one of ESC"):
        read_action({3: 1})  # type: ignore[dict-item]
