"""The contractor format as people's recorders wrote it, faults included."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import BUTTONS, read_contractor_actions
from env.errors import RecordingError


def tick(*keys: str, buttons: tuple[int, ...] = (), new: tuple[int, ...] = (), **fields: Any) -> dict[str, Any]:
    mouse = {"dx": fields.pop("dx", 0.0), "dy": fields.pop("dy", 0.0), "buttons": [*buttons], "newButtons": [*new]}
    return {"mouse": mouse, "keyboard": {"keys": [f"key.keyboard.{key}" for key in keys]}, "hotbar": 0, **fields}


def write(path: Path, *ticks: Any) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in ticks))
    return path


GOLDEN = Path(__file__).parents[2] / "golden" / "vpt"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "play.jsonl"


def test_keys_and_mouse_buttons(path: Path) -> None:
    keys = {
        "w": "forward",
        "s": "back",
        "a": "left",
        "d": "right",
        "space": "jump",
        "left.shift": "sneak",
        "left.control": "sprint",
        "q": "drop",
        "e": "inventory",
        **{str(slot): f"hotbar.{slot}" for slot in range(1, 10)},
    }
    write(
        path, *(tick(key) for key in keys), tick(buttons=(0,), new=(0,)), tick(buttons=(1,)), tick("f3", buttons=(2, 7))
    )
    actions = read_contractor_actions(path)
    expected = [*keys.values(), "attack", "use"]
    for number, name in enumerate(expected):
        assert actions.button(name)[number]
    assert actions.buttons.sum(axis=1).tolist() == [1] * len(expected) + [0]


def test_the_camera_keeps_fractions_of_a_degree(path: Path) -> None:
    write(path, tick(dx=1.0, dy=-6.6), tick(dx=2000, dy=0))
    np.testing.assert_allclose(read_contractor_actions(path).camera, np.array([[-0.99, 0.15], [0.0, 300.0]]), rtol=1e-6)


def test_an_attack_stuck_at_the_start_is_let_go_until_pressed_anew(path: Path) -> None:
    held, pressed = tick(buttons=(0,)), tick(buttons=(0,), new=(0,))
    write(path, pressed, held, tick(), held, pressed, held)
    assert read_contractor_actions(path).button("attack").tolist() == [False] * 4 + [True] * 2


def test_an_attack_held_from_the_start_is_kept(path: Path) -> None:
    write(path, tick(buttons=(0,)), tick(buttons=(0,)))
    assert read_contractor_actions(path).button("attack").all()


def test_the_wheel_becomes_a_hotbar_key(path: Path) -> None:
    """Also when nothing else happens in that tick; and the slot chosen before the recording is no press."""
    write(
        path, tick(hotbar=4), tick(hotbar=4), tick(hotbar=5), tick(hotbar=5), tick("3", hotbar=2), tick("w", hotbar=8)
    )
    actions = read_contractor_actions(path)
    assert actions.button("hotbar.5").tolist() == [False] * 6
    assert actions.button("hotbar.6").tolist() == [False, False, True, False, False, False]
    assert actions.button("hotbar.3").tolist() == [False, False, False, False, True, False]
    assert actions.button("hotbar.9").tolist() == [False] * 5 + [True]


@pytest.mark.parametrize(
    "line",
    [
        {"mouse": None, "keyboard": None, "hotbar": None},
        {"mouse": {"dx": None, "buttons": None}, "keyboard": {"keys": None}},
        {"mouse": {}, "keyboard": {}},
        {"keyboard": {"keys": []}},
    ],
)
def test_null_values_do_nothing(path: Path, line: dict[str, Any]) -> None:
    write(path, line, tick("w"), line)
    actions = read_contractor_actions(path)
    assert actions.button("forward").tolist() == [False, True, False]
    assert actions.buttons.sum() == 1
    assert not actions.camera.any()


def test_a_cut_off_last_line_is_left_out(path: Path) -> None:
    write(path, tick("w"), tick("w"), tick("w"))
    path.write_bytes(path.read_bytes()[:-20])
    assert read_contractor_actions(path).button("forward").tolist() == [True, True]


def test_blank_lines_at_the_end_are_no_ticks(path: Path) -> None:
    write(path, tick("w"))
    path.write_text(path.read_text() + "\n\n")
    assert len(read_contractor_actions(path)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"mouse": {}, "keyboard": {}, "hotbar": 9}\n', "line 1: `hotbar` is 9; expected a slot from 0 to 8"),
        (None, "no such file; expected the actions of a recording"),
        ("", "is empty; expected one JSON object a tick"),
        ("{'a'", "line 1: not JSON"),
        ('{"mouse": {}, "keyboard": {}}\nnoise\n{"mouse": {}, "keyboard": {}}\n', "line 2: not JSON"),
        ('{"loss": 1.0}\n', "line 1: expected a JSON object with `mouse` and `keyboard`"),
        ("[]\n", "line 1: expected a JSON object"),
        ('{"mouse": {"dx": "far"}, "keyboard": {}}\n', "line 1: mouse `dx` is 'far'; expected a number"),
        ('{"mouse": {"dy": NaN}, "keyboard": {}}\n', "line 1: mouse `dy` is nan; expected a number"),
        ('{"mouse": {"buttons": 3}, "keyboard": {}}\n', "line 1: `buttons` is 3; expected a list"),
        ('{"mouse": 5, "keyboard": {}}\n', "line 1: `mouse` is 5; expected an object"),
        ('{"mouse": {}, "keyboard": {"keys": [["w"]]}}\n', r"line 1: `keys` is \[\['w'\]\]; expected a list"),
        (b"\xff\xfe\x00\x01", "line 1: not JSON"),
    ],
)
def test_what_is_no_contractor_file_says_why(path: Path, content: str | bytes | None, message: str) -> None:
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RecordingError, match=message) as error:
        read_contractor_actions(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_recording_full_of_oddities_reads_as_in_openais_code() -> None:
    """Their per-line conversion, but for what we mend: stuck attack, wheel, fractions of a degree."""
    actions = read_contractor_actions(GOLDEN / "recording.jsonl")
    golden = np.load(GOLDEN / "recording_expected.npz")
    theirs = dict(zip(golden["button_names"].tolist(), golden["json_only_buttons"].T.astype(bool), strict=True))
    theirs["attack"] &= ~golden["attack_stuck"].astype(bool)
    for tick, name in ((22, "hotbar.5"), (25, "hotbar.8"), (27, "hotbar.3")):
        theirs[name][tick] = True

    np.testing.assert_array_equal(actions.buttons, np.stack([theirs[name] for name in BUTTONS], axis=1))
    np.testing.assert_array_equal(np.trunc(actions.camera), golden["json_only_camera"])
