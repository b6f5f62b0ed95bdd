"""Label files are compared with the recordings of the same names."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from env.actions import BUTTONS, Actions
from env.errors import RecordingError
from env.recordings.keys import MINECRAFT, KeyTable
from env.recordings.labels import write_labels
from env.recordings.recording import RecordingWriter
from env.video.encoding import write_video
from labelling import score_labels

SIZE = (32, 32)


def play(ticks: int, seed: int) -> Actions:
    """Random play with movement keys and turns."""
    rng = np.random.default_rng(seed)
    buttons = np.zeros((ticks, len(BUTTONS)), bool)
    buttons[:, :9] = rng.random((ticks, 9)) < 0.3
    return Actions(buttons, rng.integers(-20, 20, (ticks, 2)).astype(np.float32) * 0.15)


def record(folder: Path, stem: str, actions: Actions) -> None:
    with RecordingWriter(folder, stem, size=SIZE) as writer:
        for action in actions.to_minerl():
            writer.write(np.zeros((*SIZE, 3), np.uint8), action, {})


def write(
    folder: Path,
    stem: str,
    actions: Actions,
    *,
    usable: np.ndarray | None = None,
    frames: np.ndarray | None = None,
    times: np.ndarray | None = None,
) -> None:
    write_labels(
        folder / f"{stem}.labels.parquet",
        actions,
        times=np.arange(len(actions)) / 20 if times is None else times,
        frames=frames,
        button_probabilities=actions.buttons.astype(np.float32),
        camera_probability=np.ones(len(actions), np.float32),
        usable=usable,
        metadata={"video": f"{stem}.mp4", "resampling": "native"},
    )


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    for stem, ticks, seed in (("a", 60, 1), ("b", 40, 2)):
        record(tmp_path / "truth", stem, play(ticks, seed))
    return tmp_path / "truth"


def test_perfect_labels_have_perfect_scores(truth: Path, tmp_path: Path) -> None:
    write(tmp_path / "labels", "a", play(60, 1))
    write(tmp_path / "labels" / "deep", "b", play(40, 2))
    scores = score_labels(tmp_path / "labels", truth)
    assert scores.ticks == 100
    assert scores.macro_f1 == 1.0
    assert scores.camera_r2 == pytest.approx({"pitch": 1.0, "yaw": 1.0}, abs=1e-3)


def test_labels_are_scored_against_another_games_keys(truth: Path, tmp_path: Path) -> None:
    """Where its W is the arrow up."""
    lines = truth / "a.jsonl"
    lines.write_text(lines.read_text().replace("key.keyboard.w", "key.keyboard.up"))
    write(tmp_path / "labels", "a", play(60, 1))
    game = KeyTable(keys={**MINECRAFT.keys, "key.keyboard.up": "forward"})
    assert score_labels(tmp_path / "labels", truth, keys=game).macro_f1 == 1.0
    assert score_labels(tmp_path / "labels", truth).macro_f1 < 1.0


def test_labels_of_a_recording_at_60_frames_a_second(tmp_path: Path) -> None:
    """Three lines and frames a tick: the labels of the video's ticks are compared with what was done in them."""
    actions = play(60, 1)
    thirds = Actions(np.repeat(actions.buttons, 3, axis=0), np.repeat(actions.camera / 3, 3, axis=0))
    record(tmp_path / "truth", "a", thirds)
    write_video(tmp_path / "truth" / "a.mp4", np.zeros((180, *SIZE, 3), np.uint8), 60)
    write(tmp_path / "labels", "a", actions, frames=np.arange(0, 180, 3))
    scores = score_labels(tmp_path / "labels", tmp_path / "truth", keys=replace(MINECRAFT, ticks_per_second=60))
    assert (scores.ticks, scores.left_out, scores.macro_f1) == (60, 0, 1.0)
    assert scores.camera_r2 == pytest.approx({"pitch": 1.0, "yaw": 1.0}, abs=1e-3)


def test_ticks_called_unusable_can_be_left_out(truth: Path, tmp_path: Path) -> None:
    good = np.arange(60) < 50
    actions = play(60, 1)
    wrong = Actions(actions.buttons ^ ~good[:, None], actions.camera)
    write(tmp_path / "labels", "a", wrong, usable=good)
    assert score_labels(tmp_path / "labels", truth).keypress_accuracy == pytest.approx(50 / 60)
    scores = score_labels(tmp_path / "labels", truth, usable_only=True)
    assert (scores.ticks, scores.keypress_accuracy) == (50, 1.0)


def test_labels_without_their_recording_are_refused(truth: Path, tmp_path: Path) -> None:
    write(tmp_path / "labels", "c", play(10, 1))
    with pytest.raises(RecordingError, match=r"c\.labels\.parquet: there is no c\.jsonl in"):
        score_labels(tmp_path / "labels", truth)


def lose(path: Path, lost: list[int]) -> None:
    """Takes lines out of a recording's actions."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for number, line in enumerate(lines) if number not in lost))


def test_rows_are_compared_with_the_lines_of_their_frames(truth: Path, tmp_path: Path) -> None:
    """Lines are missing, so that line i is not row i; rows without a line are left out and counted."""
    lose(truth / "a.jsonl", [10, 11, 30])
    write(tmp_path / "labels", "a", play(60, 1))
    scores = score_labels(tmp_path / "labels", truth)
    assert (scores.ticks, scores.left_out, scores.macro_f1) == (57, 3, 1.0)
    assert scores.to_dict()["left_out"] == 3


@pytest.mark.parametrize("fps", [10, 20, 30])
def test_labels_of_a_video_of_any_rate(tmp_path: Path, fps: int) -> None:
    """A frame a tick in the recording; where the labels show a frame again, its first row counts."""
    record(tmp_path / "truth", "a", play(60, 1))
    write_video(tmp_path / "truth" / "a.mp4", np.zeros((60, *SIZE, 3), np.uint8), fps)
    shown = np.arange(60).repeat(2 if fps == 10 else 1)
    write(tmp_path / "labels", "a", play(60, 1)[shown], frames=shown, times=shown / fps)
    scores = score_labels(tmp_path / "labels", tmp_path / "truth")
    assert (scores.ticks, scores.left_out, scores.macro_f1) == (60, len(shown) - 60, 1.0)


def test_absurd_truth_is_left_out(truth: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (truth / "a.jsonl").read_text().splitlines()]
    lines[7]["mouse"]["dx"] = 57_000.0
    (truth / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write(tmp_path / "labels", "a", play(60, 1))
    scores = score_labels(tmp_path / "labels", truth)
    assert (scores.ticks, scores.left_out) == (59, 1)
    assert scores.camera_r2["yaw"] == pytest.approx(1.0, abs=1e-3)


def test_truth_that_may_be_shifted_is_refused(truth: Path, tmp_path: Path) -> None:
    write_video(truth / "a.mp4", np.zeros((59, *SIZE, 3), np.uint8))
    write(tmp_path / "labels", "a", play(59, 1))
    with pytest.raises(
        RecordingError, match=r"a\.jsonl tells what was done \(60 lines but 59 frames, and nothing tells"
    ):
        score_labels(tmp_path / "labels", truth)


def test_labels_of_another_video_are_refused(truth: Path, tmp_path: Path) -> None:
    write(tmp_path / "labels", "a", play(60, 1), times=np.arange(60) / 30)
    with pytest.raises(RecordingError, match=r"labels frame 1 at 0\.033 s, which .*a\.mp4 shows at 0\.050 s"):
        score_labels(tmp_path / "labels", truth)


def test_labels_of_another_length_are_refused(truth: Path, tmp_path: Path) -> None:
    write(tmp_path / "labels", "a", play(50, 1))
    with pytest.raises(RecordingError, match=r"has 50 ticks, .*a\.jsonl has 60"):
        score_labels(tmp_path / "labels", truth)


def test_two_files_of_one_name_are_refused(truth: Path, tmp_path: Path) -> None:
    for folder in ("x", "y"):
        write(tmp_path / "labels" / folder, "a", play(60, 1))
    with pytest.raises(RecordingError, match="have the same name"):
        score_labels(tmp_path / "labels", truth)


def test_an_empty_folder_is_refused(truth: Path, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    with pytest.raises(RecordingError, match=r"holds no <stem>\.labels\.parquet"):
        score_labels(tmp_path / "labels", truth)
