"""Recordings of the scripted player: whole, aligned, and the same however they came about."""

import json
from pathlib import Path

import numpy as np
import pytest

from agents.record import Session, record
from agents.scripted import STYLES, ScriptedPlayer
from env import Recording
from env.errors import GhostkeysError, RecordingError
from tests.same_play import assert_same_files
from tests.unit.agents.tiny_env import ENV_ID

TICKS = 40


def record_two(folder: Path, **settings: object) -> list[Path]:
    """Two short, small recordings."""
    arguments = {"minutes": 2 * TICKS / 1200, "episode_ticks": TICKS, "size": (72, 128), "seed": 7, "workers": 1}
    return record(folder, **(arguments | settings))  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two recordings."""
    folder = tmp_path_factory.mktemp("recorded")
    record_two(folder, style="explorer")
    return folder


def test_recordings_are_whole(recorded: Path) -> None:
    names = [f"explorer-00000{seed}.{suffix}" for seed in (7, 8) for suffix in ("jsonl", "mp4")]
    assert sorted(contents(recorded)) == [*names, "record.json"]
    for video in recorded.glob("*.mp4"):
        recording = Recording.open(video)
        assert recording.frames().shape == (TICKS, 72, 128, 3)
        assert recording.actions.buttons.any()


def test_an_action_belongs_to_the_frame_before_its_effect(recorded: Path) -> None:
    """yaw and pitch of line i are those of frame i; action i turns them into those of frame i + 1."""
    for path in recorded.glob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        view = np.array([(line["pitch"], line["yaw"]) for line in lines])
        np.testing.assert_allclose(np.diff(view, axis=0), Recording.open(path).actions.camera[:-1], atol=1e-3)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_style_can_be_recorded(tmp_path: Path, style: str) -> None:
    videos = record(tmp_path, minutes=0.01, episode_ticks=TICKS, style=style, size=(36, 64), workers=1)
    assert [video.name for video in videos] == [f"{style}-000000.mp4"]
    assert len(Recording.open(videos[0])) == TICKS


def test_a_recording_tells_of_the_inventory(tmp_path: Path) -> None:
    """While it is open, x and y are the cursor's, and dx and dy of a line move it to where the next line has it."""
    record(tmp_path, minutes=0.01, episode_ticks=1000, style="crafter", size=(16, 16), seed=3, workers=1)
    lines = [json.loads(line) for line in (tmp_path / "crafter-000003.jsonl").read_text().splitlines()]
    inside = np.array([line["isGuiOpen"] for line in lines])
    assert 100 < inside.sum() < 900
    mouse = [line["mouse"] for line in lines]
    place, motion = (np.array([[each[x], each[y]] for each in mouse]) for x, y in (("x", "y"), ("dx", "dy")))
    both = np.flatnonzero(inside[:-1] & inside[1:])
    np.testing.assert_allclose(
        place[both + 1] - place[both], 2.0 * motion[both], atol=1e-2
    )  # in a window of 1280 x 720
    assert np.ptp(place[both], axis=0).min() > 50.0


def test_a_style_has_episodes_of_its_own_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for what it is about: a stone pickaxe takes 2000 ticks and more."""
    planned: list[Session] = []
    monkeypatch.setattr(Session, "play", lambda session, **_: planned.append(session))
    for style in ("gatherer", "crafter"):
        record(tmp_path, hours=0.1, style=style, workers=1)
    assert [(each.style, each.ticks) for each in planned] == [("gatherer", 1200)] * 6 + [("crafter", 6000)] * 2


def test_styles_play_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each for as long as it needs, until together they have played enough; a style may come twice."""
    planned: list[Session] = []
    monkeypatch.setattr(Session, "play", lambda session, **_: planned.append(session))
    record(tmp_path, minutes=8, style="everyday, everyday,crafter", seed=3, workers=1)
    expected = [("everyday", 3, 1200), ("everyday", 4, 1200), ("crafter", 5, 6000), ("everyday", 6, 1200)]
    assert [(each.style, each.seed, each.ticks) for each in planned] == expected
    assert json.loads((tmp_path / "record.json").read_text()) == {
        "env": "ghostkeys/Voxel-v0",
        "style": "everyday,everyday,crafter",
        "size": [180, 320],
        "episode_ticks": [1200, 1200, 6000],
    }


def test_a_recording_among_several_styles_is_the_one_it_would_be_alone(tmp_path: Path) -> None:
    record_two(tmp_path / "both", style="everyday,explorer", minutes=3 * TICKS / 1200)
    names = ["everyday-000007", "explorer-000008", "everyday-000009"]
    assert sorted(path.stem for path in (tmp_path / "both").glob("*.mp4")) == sorted(names)
    record_two(tmp_path / "alone", style="everyday", minutes=3 * TICKS / 1200)
    for name in (f"{names[2]}.mp4", f"{names[2]}.jsonl"):
        assert_same_files(tmp_path / "both" / name, tmp_path / "alone" / name)


def test_several_styles_are_resumed_and_extended(tmp_path: Path) -> None:
    """What is there stays, whatever was missing in between; other styles, or another order, are refused."""
    videos = record_two(tmp_path, style="everyday,explorer")
    whole = contents(tmp_path)
    for path in (videos[0], videos[0].with_suffix(".jsonl")):
        path.unlink()
    record_two(tmp_path, style="everyday,explorer")
    assert contents(tmp_path) == whole
    longer = record_two(tmp_path, style="everyday,explorer", minutes=4 * TICKS / 1200)
    assert [video.stem for video in longer[2:]] == ["everyday-000009", "explorer-000010"]
    assert whole.items() <= contents(tmp_path).items()
    for style in ("everyday", "explorer,everyday"):
        with pytest.raises(RecordingError, match=f"--style everyday,explorer there, {style} here"):
            record_two(tmp_path, style=style)


def test_a_resumed_run_equals_an_unbroken_one(recorded: Path, tmp_path: Path) -> None:
    """What is finished is not touched; what is missing comes out as it would have."""
    for name, content in contents(recorded).items():
        if "000007" in name:
            (tmp_path / name).write_bytes(content)
    before = (tmp_path / "explorer-000007.mp4").stat()
    record_two(tmp_path, style="explorer")
    assert contents(tmp_path) == contents(recorded)
    after = (tmp_path / "explorer-000007.mp4").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_interrupted_recording_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act, ticks = ScriptedPlayer.act, iter(range(TICKS))

    def interrupted(self: ScriptedPlayer, observation: object) -> object:
        if next(ticks) == 20:
            raise KeyboardInterrupt
        return act(self, observation)

    monkeypatch.setattr(ScriptedPlayer, "act", interrupted)
    with pytest.raises(KeyboardInterrupt):
        record_two(tmp_path)
    assert list(contents(tmp_path)) == ["record.json"]


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: ScriptedPlayer, observation: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ScriptedPlayer, "act", full)
    with pytest.raises(RecordingError, match="No space left on device"):
        record_two(tmp_path)
    assert list(contents(tmp_path)) == ["record.json"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"size": (36, 64)}, r"--size \[72, 128\] there, \[36, 64\] here"),
        ({"style": "gatherer"}, "--style explorer there, gatherer here"),
        ({"env": "ghostkeys/VoxelObtainStonePickaxe-v0"}, "--env ghostkeys/Voxel-v0 there"),
        ({"episode_ticks": 30, "seed": 100}, "--episode-ticks 40 there, 30 here"),
    ],
)
def test_recordings_of_other_settings_are_not_mixed(recorded: Path, settings: dict[str, object], named: str) -> None:
    """Also where no file of the same name would be written."""
    before = contents(recorded)
    with pytest.raises(RecordingError, match=named):
        record_two(recorded, **({"style": "explorer"} | settings))
    assert contents(recorded) == before


def test_recordings_of_before_there_were_settings_are_looked_at(recorded: Path, tmp_path: Path) -> None:
    for name, content in contents(recorded).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "record.json").unlink()
    with pytest.raises(RecordingError, match="36x64"):
        record_two(tmp_path, style="explorer", size=(36, 64))


def test_more_minutes_add_to_a_folder(recorded: Path, tmp_path: Path) -> None:
    for name, content in contents(recorded).items():
        (tmp_path / name).write_bytes(content)
    videos = record_two(tmp_path, style="explorer", minutes=3 * TICKS / 1200)
    assert [video.stem for video in videos] == ["explorer-000007", "explorer-000008", "explorer-000009"]
    assert contents(recorded).items() <= contents(tmp_path).items()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"style": "lumberjack"}, "one of .*gatherer"),
        ({"style": "gaterer"}, "did you mean gatherer"),
        ({"style": "explorer,gaterer"}, "--style explorer,gaterer: .*'gaterer'; did you mean gatherer"),
        ({"style": "explorer,"}, "no style ''; expected one of"),
        ({"minutes": 0.0}, "--minutes 0: expected a number above 0"),
        ({"minutes": -1.0}, "--minutes -1: expected a number above 0"),
        ({"minutes": None, "hours": float("nan")}, "--hours nan: expected a number above 0"),
        ({"minutes": float("inf")}, "--minutes inf: expected a number above 0"),
        ({"episode_ticks": 0}, "--episode-ticks 0: expected 1 or more"),
        ({"size": (0, 0)}, "0x0"),
        ({"size": (15, 16)}, "even height and width"),
        ({"size": (-16, 16)}, "-16x16"),
        ({"size": (100000, 100000)}, "2 to 8192"),
        ({"seed": -1}, "--seed -1: expected 0 to"),
        ({"seed": 2**40}, "--seed 1099511627776: expected 0 to"),
        ({"workers": -1}, "--workers -1: expected 1 or more, or 0"),
        ({"env": "ghostkeys/Voxle-v0"}, "Did you mean ghostkeys/Voxel-v0"),
        ({"env": ENV_ID}, "the scripted player plays the embedded world alone"),
        ({"minutes": 5.0, "hours": 1.0}, "--minutes 5 and --hours 1"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, settings: dict[str, object], named: str) -> None:
    with pytest.raises(GhostkeysError, match=named):
        record_two(tmp_path, **settings)
    assert not contents(tmp_path)
