"""The contractor format as people's recorders wrote it, faults included."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import BUTTONS, read_contractor_actions
from env.errors import RecordingError
from env.recordings.contractor import read_contractor_file


def tick(*keys: str, buttons: tuple[int, ...] = (), new: tuple[int, ...] = (), **fields: Any) -> dict[str, Any]:
    place = {name: fields.pop(name) for name in ("x", "y") if name in fields}
    moved = {"dx": fields.pop("dx", 0.0), "dy": fields.pop("dy", 0.0)}
    mouse = place | moved | {"buttons": [*buttons], "newButtons": [*new]}
    return {"mouse": mouse, "keyboard": {"keys": [f"key.keyboard.{key}" for key in keys]}, "hotbar": 0, **fields}


def write(path: Path, *ticks: Any) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in ticks))
    return path


GOLDEN = Path(__file__).parents[3] / "golden" / "vpt"


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
        ('{"mouse": {"dx": "far"}, "keyboard": {}}\n', "line 1: `dx` is 'far'; expected a number"),
        ('{"mouse": {"dy": NaN}, "keyboard": {}}\n', "line 1: `dy` is nan; expected a number"),
        ('{"mouse": {"dx": 1e300}, "keyboard": {}}\n', r"line 1: `dx` is 1e\+300; expected a number"),
        ('{"mouse": {"dx": 1' + "0" * 400 + '}, "keyboard": {}}\n', "line 1: `dx` is 100"),
        ("[" * 100_000 + "\n", "line 1: not JSON"),
        ('{"mouse": {}, "a": ' + "1" * 5000 + "}\n", "line 1: not JSON"),
        ('{"mouse": {"dx": true}, "keyboard": {}}\n', "line 1: `dx` is True; expected a number"),
        ('{"mouse": {}, "keyboard": {}, "hotbar": false}\n', "line 1: `hotbar` is False; expected a slot"),
        ('{"mouse": {}, "keyboard": {}, "tick": "9"}\n', "line 1: `tick` is '9'; expected a count of ticks"),
        ('{"mouse": {}, "keyboard": {}, "xpos": []}\n', r"line 1: `xpos` is \[\]; expected a number of blocks"),
        ('{"mouse": {}, "keyboard": {}, "isGuiOpen": "false"}\n', "line 1: `isGuiOpen` is 'false'; expected true or"),
        ('{"mouse": {"buttons": [true]}, "keyboard": {}}\n', r"line 1: `buttons` is \[True\]; expected a list of int"),
        ('{"mouse": {"buttons": [0.5]}, "keyboard": {}}\n', r"line 1: `buttons` is \[0.5\]; expected a list of int"),
        ('{"mouse": {"buttons": ' + str([0] * 300) + '}, "keyboard": {}}\n', "line 1: `buttons` has 300 members"),
        ('{"mouse": {}, "mouse": {}}\n', "line 1: 'mouse' is given twice"),
        ('{"mouse": {}, "keyboard": {"keys": [], "keys": ["w"]}}\n', "line 1: 'keys' is given twice"),
        ('{"mouse": {}, "keyboard": {}}\n{"mouse": "' + "a" * 2**20 + '"}\n', "line 2: longer than 1 MiB"),
        ('{"mouse": {}, "keyboard": {}}\n' + "a" * (2**20 + 9), "line 2: longer than 1 MiB"),
        (b'{"mouse": {}, "keyboard": {}}\n{"\xff": 0}\n{"mouse": {}}\n', "line 2: not JSON .'utf-8' codec"),
        (b'{"mouse": {}, "keyboard": {}}\n\0\0\n{"mouse": {}}\n', "line 2: not JSON"),
        ("\n \n\r\n", "is empty; expected one JSON object a tick"),
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


def test_blank_lines_are_passed_over_and_counted(path: Path) -> None:
    """Where the count of ticks leaves room for them, they are lost lines; `line` is the number in the file."""
    lines = [json.dumps(tick("w", tick=number)) for number in (0, 1, 3)]
    path.write_text(f"\n{lines[0]}\r\n{lines[1]}\n\n   \n{lines[2]}\n\n")
    file = read_contractor_file(path)
    assert [tick.line for tick in file.ticks] == [2, 3, 6]
    assert (file.blank, file.cut_off) == (3, False)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_of_any_system(path: Path, ending: str, mark: bytes) -> None:
    path.write_bytes(mark + "".join(json.dumps(tick("w")) + ending for _ in range(3)).encode())
    assert read_contractor_actions(path).button("forward").tolist() == [True] * 3


@pytest.mark.parametrize("end", [b'{"mouse": {"dx"', b'{"mouse": {}, "chars": "\xc3', b"\0" * 4096])
def test_whatever_a_crash_leaves_of_the_last_line_is_left_out(path: Path, end: bytes) -> None:
    path.write_bytes(json.dumps(tick("w")).encode() + b"\n" + end)
    file = read_contractor_file(path)
    assert (len(file.ticks), file.cut_off) == (1, True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dx": 57_000.0}, "`dx` is 57000, a turn of 8550°; expected 1200 pixels at most"),
        ({"dy": -1201}, "`dy` is -1201, a turn of 180.15°; expected 1200 pixels at most"),
        ({"dx": float("nan")}, "`dx` is nan; expected a number of pixels"),
        ({"dy": float("-inf")}, "`dy` is -inf; expected a number of pixels"),
        ({"dx": 1e300}, "`dx` is 1e+300; expected a number of pixels"),
        ({"dx": 10**400}, f"`dx` is 1{'0' * 59}...; expected a number of pixels"),
        ({"xpos": 1e300}, "`xpos` is 1e+300; expected a number of blocks within the world"),
        ({"pitch": 1e300}, "`pitch` is 1e+300; expected degrees"),
        ({"hotbar": 99}, "`hotbar` is 99; expected a slot from 0 to 8"),
        ({"hotbar": 2.5}, "`hotbar` is 2.5; expected a slot from 0 to 8"),
        ({"tick": -1}, "`tick` is -1; expected a count of ticks"),
        ({"tick": 10**15}, "`tick` is 1000000000000000; expected a count of ticks"),
        ({"milli": -5}, "`milli` is -5; expected a time in milliseconds"),
    ],
)
def test_a_value_that_cannot_be_costs_its_tick_alone(path: Path, fields: dict[str, Any], message: str) -> None:
    write(path, tick("w"), tick("w", **fields), tick("w"))
    ticks = read_contractor_file(path).ticks
    assert [tick.usable for tick in ticks] == [True, False, True]
    assert ticks[1].implausible == (message,)
    assert read_contractor_actions(path).button("forward").all()


def test_a_fast_turn_is_kept(path: Path) -> None:
    write(path, tick(dx=1200.0, dy=-1200.0, x=1e4, xpos=3e7, yaw=-1e6, pitch=90.0, milli=1_649_575_088_006))
    assert read_contractor_file(path).ticks[0].usable


def test_a_long_file_takes_little_memory(path: Path) -> None:
    """It is read line by line: 16 MiB of what nobody asks for do not stay."""
    line = json.dumps(tick("w", chars="a" * 2**19)) + "\n"
    with path.open("w") as file:
        for _ in range(32):
            file.write(line)
    tracemalloc.start()
    try:
        assert len(read_contractor_file(path).ticks) == 32
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


golden = np.load(GOLDEN / "recording_expected.npz")
golden_names = golden["button_names"].tolist()


def test_a_recording_full_of_oddities_reads_as_in_openais_code() -> None:
    """Their per-line conversion, but for what we mend: stuck attack, wheel, fractions of a degree."""
    actions = read_contractor_actions(GOLDEN / "recording.jsonl")
    theirs = dict(zip(golden_names, golden["json_only_buttons"].T.astype(bool), strict=True))
    theirs["attack"] &= ~golden["attack_stuck"].astype(bool)
    for tick, name in ((22, "hotbar.5"), (25, "hotbar.8"), (27, "hotbar.3")):
        theirs[name][tick] = True

    np.testing.assert_array_equal(actions.buttons, np.stack([theirs[name] for name in BUTTONS], axis=1))
    np.testing.assert_array_equal(np.trunc(actions.camera), golden["json_only_camera"])


def test_openais_loader_is_repeated_item_by_item() -> None:
    actions = read_contractor_actions(GOLDEN / "recording.jsonl", compat="openai")
    buttons = golden["buttons"][:, [golden_names.index(name) for name in BUTTONS]]
    np.testing.assert_array_equal(actions.buttons, buttons)
    np.testing.assert_array_equal(actions.camera, golden["camera"])


def test_the_camera_is_cut_to_whole_degrees_on_request(path: Path) -> None:
    write(path, tick(dx=6.6, dy=-6.7), tick(dx=-100))
    actions = read_contractor_actions(path, truncate_camera=True)
    assert actions.camera.tolist() == [[-1.0, 0.0], [0.0, -15.0]]


def test_ticks_without_input_are_left_out_on_request(path: Path) -> None:
    """A turn of the wheel, a key that is no button, and movement lost to truncation are input."""
    write(path, tick("f3"), tick("w"), tick(hotbar=2), tick(hotbar=2), tick("f", hotbar=2), tick(dx=1, hotbar=2))
    actions = read_contractor_actions(path, drop_null=True)
    assert len(actions) == 4
    assert actions.button("hotbar.3").tolist() == [False, True, False, False]
    assert len(read_contractor_actions(path, drop_null=True, lose_lone_hotbar=True)) == 3


def test_a_lone_turn_of_the_wheel_is_lost_on_request(path: Path) -> None:
    write(path, tick(), tick(hotbar=3), tick("w", hotbar=5))
    actions = read_contractor_actions(path, lose_lone_hotbar=True)
    assert actions.buttons.sum(axis=1).tolist() == [0, 0, 2]


def test_every_change_of_the_slot_is_a_press_on_request(path: Path) -> None:
    """Also the slot at the start, unless it is the first, and the echo of a key."""
    write(path, tick(hotbar=4), tick("1", hotbar=4), tick(hotbar=0), tick("9", hotbar=0))
    actions = read_contractor_actions(path, press_every_slot_change=True)
    pressed = [[name for name, held in zip(BUTTONS, row, strict=True) if held] for row in actions.buttons]
    assert pressed == [["hotbar.5"], ["hotbar.1"], ["hotbar.1"], ["hotbar.9"]]
    assert read_contractor_actions(path).buttons.sum(axis=1).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(("version", "scale"), [("6.8", 2.0), ("5.7", 0.5), ("6.10", 1.0), ("10.0", 1.0)])
def test_movement_in_a_gui_has_one_scale_in_all_versions(tmp_path: Path, version: str, scale: float) -> None:
    """The index files name the version as the recording's folder; it can also be told."""
    lines = tick(dx=20.0), tick(dx=20.0, isGuiOpen=True)
    (tmp_path / version).mkdir()
    path = write(tmp_path / version / "play.jsonl", *lines)
    expected = np.array([3.0, 3.0 * scale], np.float32)
    np.testing.assert_array_equal(read_contractor_actions(path).camera[:, 1], expected)
    elsewhere = write(tmp_path / "play.jsonl", *lines)
    np.testing.assert_array_equal(read_contractor_actions(elsewhere, version=version).camera[:, 1], expected)
    assert (read_contractor_actions(path, ignore_gui_mouse_scale=True).camera[:, 1] == 3.0).all()
    assert (read_contractor_actions(path, compat="openai").camera[:, 1] == 3.0).all()


def test_escape_closes_a_gui_as_the_inventory_button_on_request(path: Path) -> None:
    write(path, tick("escape", isGuiOpen=True), tick("escape"), tick("e", isGuiOpen=True))
    assert read_contractor_actions(path).button("inventory").tolist() == [False, False, True]
    assert read_contractor_actions(path, escape_as_inventory=True).button("inventory").tolist() == [True, False, True]


def test_an_option_goes_before_what_compat_says(path: Path) -> None:
    write(path, tick(dx=1.0))
    assert read_contractor_actions(path, compat="openai", truncate_camera=False).camera[0, 1] == np.float32(0.15)


def test_options_and_compat_are_known_names(path: Path) -> None:
    write(path, tick())
    with pytest.raises(
        TypeError, match=r"no option truncate of contractor recordings; expected some of .*truncate_camera"
    ):
        read_contractor_actions(path, truncate=True)
    with pytest.raises(ValueError, match="compat is 'vpt'; expected None or \"openai\""):
        read_contractor_actions(path, compat="vpt")  # type: ignore[arg-type]


def test_recorders_before_6_11_have_no_hotbar(path: Path) -> None:
    lines = [{name: value for name, value in tick("w", dx=3).items() if name != "hotbar"}] * 2
    write(path, *lines)
    for compat in (None, "openai"):
        assert read_contractor_actions(path, compat=compat).buttons.sum(axis=1).tolist() == [1, 1]
