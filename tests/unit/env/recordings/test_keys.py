"""The key table of another game: what a file may say, and how recordings are read by it."""

import copy
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from env import KeyTable, Recording, RecordingWriter, read_contractor_actions
from env.errors import GhostkeysError
from env.recordings.check import check_recording, check_recordings
from env.recordings.keys import MINECRAFT, key_table
from ghostkeys import main

GAME = """
ticks_per_second: 20
degrees_per_pixel: 0.5
largest_turn: 90
keys:
  key.keyboard.up: forward
  key.keyboard.z: forward
  key.keyboard.3: attack
  mouse.1: attack
  mouse.4: hotbar.9
  key.keyboard.escape: ESC
"""
SIZE = (36, 64)


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a key table."""

    def write(content: str) -> Path:
        (tmp_path / "game.yaml").write_text(content)
        return tmp_path / "game.yaml"

    return write


@pytest.fixture
def play(tmp_path: Path) -> Path:
    """Eight ticks: one key or mouse button after the other, each with a turn of the mouse by 10 pixels to the right."""
    held: list[list[str | int]] = [
        ["key.keyboard.up"], ["key.keyboard.z", "key.keyboard.w"], ["key.keyboard.3"], [1], [4],
        ["key.keyboard.escape"], ["key.keyboard.w", "key.keyboard.w"], [0, "key.keyboard.f3"],
    ]  # fmt: skip
    with RecordingWriter(tmp_path, "play", size=SIZE) as writer:
        for _ in held:
            writer.write(np.zeros((*SIZE, 3), np.uint8), {})
    path = tmp_path / "play.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line, pressed in zip(lines, held, strict=True):
        line["keyboard"]["keys"] = [key for key in pressed if isinstance(key, str)]
        line["mouse"] |= {"buttons": [key for key in pressed if isinstance(key, int)], "dx": 10.0}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_recording_is_read_by_a_key_table(play: Path, table: Callable[[str], Path]) -> None:
    """Several keys for one button, mouse buttons, and a turn of its own for a pixel."""
    path = table(GAME)
    for keys in (path, str(path), KeyTable.read(path)):
        recording = Recording.open(play, keys=keys)
        assert recording.actions == read_contractor_actions(play, keys=keys)
        assert recording.actions.button("forward").tolist() == [True, True] + [False] * 6
        assert recording.actions.button("attack").tolist() == [False, False, True, True] + [False] * 4
        assert recording.actions.button("hotbar.9").tolist() == [False] * 4 + [True] + [False] * 3
        assert recording.actions.buttons.sum() == 5
        assert recording.actions.camera.tolist() == [[0.0, 5.0]] * 8
        assert recording.unmapped == {"key.keyboard.w": 2, "key.keyboard.f3": 1, "mouse.0": 1}
        assert next(iter(recording.unmapped)) == "key.keyboard.w"


def test_minecrafts_keys_are_the_default(play: Path) -> None:
    recording = Recording.open(play)
    assert recording.actions.button("forward").tolist() == [False, True] + [False] * 4 + [True, False]
    assert recording.actions.button("use").tolist() == [False] * 3 + [True] + [False] * 4
    assert recording.unmapped == {"key.keyboard.f3": 1, "key.keyboard.up": 1, "key.keyboard.z": 1, "mouse.4": 1}
    assert recording.actions == Recording.open(play, keys=MINECRAFT).actions


def test_a_turn_that_the_game_does_not_make_is_not_used(play: Path) -> None:
    play.write_text(play.read_text().replace('"dx": 10.0', '"dx": 11.0', 1))
    for largest, usable in ((5.5, 8), (5.0, 7)):
        keys = KeyTable(keys={"mouse.1": "attack"}, degrees_per_pixel=0.5, largest_turn=largest)
        assert Recording.open(play, keys=keys).usable.sum() == usable
    assert check_recording(play, keys=keys).mended == (
        "line 1 is not used: `dx` is 11, a turn of 5.5°; expected 10 pixels at most",
    )


def test_the_check_counts_and_names_keys_that_stand_for_nothing(
    play: Path, table: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = check_recordings([play, play.with_suffix(".mp4")], keys=table(GAME), progress=False)
    assert [checked.verdict for checked in report.recordings] == ["good", "good"]
    assert report.recordings[0].unmapped == {"key.keyboard.w": 2, "key.keyboard.f3": 1, "mouse.0": 1}
    assert report.unmapped() == {"key.keyboard.w": 4, "key.keyboard.f3": 2, "mouse.0": 2}

    found = tmp_path / "check.json"
    assert main(["data", "check", str(play), "--keys", str(table(GAME)), "--json", str(found)]) == 0
    printed = capsys.readouterr().out
    assert "keys without a button (ticks held): key.keyboard.w (2), key.keyboard.f3 (1), mouse.0 (1)" in printed
    assert re.search(r"^key\.keyboard\.w +2$", printed, re.MULTILINE)
    written = json.loads(found.read_text())
    assert written["unmapped"] == written["recordings"][0]["unmapped"] == report.recordings[0].unmapped


def test_a_check_without_such_keys_says_nothing_of_them(play: Path) -> None:
    play.write_text("".join(f"{line}\n" for line in play.read_text().splitlines()[2:4]))
    keys = KeyTable(keys={"key.keyboard.3": "attack", "mouse.1": "use"})
    report = check_recordings([play], keys=keys, progress=False)
    assert report.unmapped() == {}
    assert "button (ticks held)" not in report.as_text()
    assert "stand for no button" not in report.as_text()


def test_openais_loader_has_no_key_table(play: Path, table: Callable[[str], Path]) -> None:
    for read in (Recording.open, read_contractor_actions):
        with pytest.raises(GhostkeysError, match=r"play\.jsonl: OpenAI's loader knows Minecraft's keys only"):
            read(play, compat="openai", keys=table(GAME))


def test_a_table_travels_and_is_known_again(table: Callable[[str], Path]) -> None:
    read = KeyTable.read(table(GAME))
    again = KeyTable.read(table("\n".join(reversed(GAME.strip().splitlines()[:3])) + GAME[GAME.index("\nkeys") :]))
    others = [KeyTable.read(table(GAME.replace(*change))) for change in (("0.5", "0.25"), ("forward", "back"))]
    sent = pickle.loads(pickle.dumps(read))  # noqa: S301  (as to another process)
    for same in (again, sent, copy.deepcopy(read)):
        assert (same, hash(same), same.fingerprint) == (read, hash(read), read.fingerprint)
    assert len({read.fingerprint, MINECRAFT.fingerprint, *(other.fingerprint for other in others)}) == 4
    assert len({read, again, MINECRAFT, *others}) == 4
    # Fixed: a cache may be keyed by it.
    assert KeyTable(keys={"mouse.0": "attack"}).fingerprint == "273921dc81df05de"


def test_no_table_is_minecrafts_and_a_table_itself(table: Callable[[str], Path]) -> None:
    assert key_table(None) is MINECRAFT
    assert key_table(MINECRAFT) is MINECRAFT
    assert key_table(table(GAME)) == KeyTable.read(table(GAME))


def test_the_guides_table_is_one(table: Callable[[str], Path]) -> None:
    guide = (Path(__file__).parents[4] / "docs" / "guides" / "recordings.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    read = KeyTable.read(table(example))
    assert (read.keys["key.keyboard.up"], read.ticks_per_second, read.degrees_per_pixel) == ("forward", 60, 0.022)


WRONG = {
    "an unknown button": (GAME.replace("ESC", "jmp"), "`keys`: key.keyboard.escape is 'jmp'; did you mean 'jump'?"),
    "the camera": (GAME.replace("ESC", "camera"), "`keys`: key.keyboard.escape is 'camera'; "),
    "no button": (GAME.replace("ESC", ""), "`keys`: key.keyboard.escape is None; expected one of "),
    "a list of buttons": (GAME.replace("ESC", "[jump]"), "`keys`: key.keyboard.escape is ['jump']; expected one of"),
    "a key that is none": (GAME + "  1: jump", "`keys`: 1 is no key's name; expected text, in quotes"),
    "a key that YAML reads as true": (GAME + "  y: jump\n  on: use", "`keys`: True is no key's name"),
    "a mouse button by name": (GAME + "  mouse.left: use", "`keys`: 'mouse.left' is no mouse button; expected mouse.0"),
    "a key twice": (GAME + "  mouse.1: use", "'mouse.1' is given twice"),
    "a field twice": (GAME + "largest_turn: 20", "'largest_turn' is given twice"),
    "an unknown field": (GAME + "degree_per_pixel: 2", "a field's name is 'degree_per_pixel'; did you mean 'degrees"),
    "no keys": ("degrees_per_pixel: 0.5", "`keys` is missing"),
    "keys that are empty": ("degrees_per_pixel: 0.5\nkeys:", "`keys` is None; expected a button for each key"),
    "keys in a list": ("degrees_per_pixel: 0.5\nkeys: [w]", "`keys` is ['w']; expected a button for each key"),
    "no turn": ("keys: {mouse.0: use}", "`degrees_per_pixel` is missing"),
    "a turn that is text": (GAME.replace("0.5", "1e-1"), "`degrees_per_pixel` is '1e-1'; expected a number from"),
    "a turn that is true": (GAME.replace("0.5", "true"), "`degrees_per_pixel` is True; expected a number from"),
    "a turn that is not a number": (GAME.replace("0.5", ".nan"), "`degrees_per_pixel` is nan; expected a number from"),
    "no turn a pixel": (GAME.replace("0.5", "0"), "`degrees_per_pixel` is 0; expected a number from 1e-06 to 180"),
    "a largest turn above half a circle": (GAME.replace("90", "360"), "`largest_turn` is 360; expected a number from"),
    "a rate of nothing": (GAME.replace("20", "0"), "`ticks_per_second` is 0; expected a number from 1 to 1000"),
    "no mapping": ("- 1\n- 2", "[1, 2] is no key table"),
    "nothing": ("", "None is no key table"),
    "no YAML": ("keys: [", "not YAML ("),
    "an object of Python's": ("keys: !!python/object/apply:os.system [ls]", "not YAML ("),
    "references": ("a: &a [1]\nb: *a", "a reference (*name)"),
    "brackets without end": ("[" * 100_000, "not YAML ("),
    "a file of 2 MB": ("#" * 2**21, "larger than 1 MiB"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_key_table_says_why(table: Callable[[str], Path], content: str, message: str) -> None:
    path = table(content)
    with pytest.raises(GhostkeysError) as caught:
        KeyTable.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_no_file_and_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("gone.yaml", "binary.yaml", "."):
        with pytest.raises(GhostkeysError, match=r"expected a key table"):
            KeyTable.read(tmp_path / name)
    assert main(["data", "check", str(tmp_path), "--keys", str(tmp_path / "gone.yaml")]) == 1
    assert "gone.yaml: cannot be read (No such file or directory)" in capsys.readouterr().err
