"""Label files are compared with the recordings of the same names."""

from pathlib import Path

import numpy as np
import pytest

from env.actions import BUTTONS, Actions
from env.errors import RecordingError
from env.recordings.labels import write_labels
from env.recordings.recording import RecordingWriter
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


def write(folder: Path, stem: str, actions: Actions, *, usable: np.ndarray | None = None) -> None:
    write_labels(
        folder / f"{stem}.labels.parquet",
        actions,
        times=np.arange(len(actions)) / 20,
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
