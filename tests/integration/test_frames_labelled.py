"""What `label` saw at a tick is what `Recording`, training and `idm predict` see there, whatever the file."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

import ghostkeys
from env import Recording
from env.recordings.labels import read_labels
from labelling import label_videos
from learning.data import load_episodes
from tests.unit.env.conftest import BarCode
from tests.unit.env.video.clips import join, moved, remux, steady, write_clip, write_turned
from tests.unit.labelling.conftest import make_model

BARS = BarCode()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model().save(tmp_path_factory.mktemp("checkpoint") / "idm")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("whole") / "whole.mp4", BARS.clip(120), steady(120, 20))


def obs(folder: Path, _: Path) -> tuple[Path, list[int]]:
    """H.264 with B-frames at 60 fps in Matroska, as OBS writes: tick k shows frame 3k."""
    path = write_clip(folder / "obs.mkv", BARS.clip(300), steady(300, 60), rate=60)
    return path, list(range(0, 300, 3))


def without_stamps(folder: Path, _: Path) -> tuple[Path, list[int]]:
    return write_clip(folder / "nopts.avi", BARS.clip(90), steady(90, 20)), list(range(90))


def trimmed(folder: Path, whole: Path) -> tuple[Path, list[int]]:
    path = folder / "trimmed.mp4"
    remux(whole, path, lambda packets: moved(packets, lambda _: -0.5), avoid_negative_ts="disabled")
    return path, list(range(10, 120))


def joined(folder: Path, whole: Path) -> tuple[Path, list[int]]:
    part = remux(whole, folder / "part.ts")
    path = join([part, part], folder / "joined.ts")
    part.unlink()
    return path, [*range(120), *range(120)]


def gap(folder: Path, whole: Path) -> tuple[Path, list[int]]:
    path = folder / "gap.mkv"
    remux(whole, path, lambda packets: moved(packets, lambda packet: 120 * (packet.pts * packet.time_base > 2.98)))
    return path, [*range(60), *[59] * 19, *range(60, 120)]


def turned(folder: Path, _: Path) -> tuple[Path, list[int]]:
    return write_turned(folder / "turned.mp4", BARS.clip(50), 90), list(range(50))


def variable(folder: Path, _: Path) -> tuple[Path, list[int]]:
    """Every second frame is 10 ms late and the others are on time."""
    stamps = [Fraction(number, 40) + Fraction(number % 2, 100) for number in range(160)]
    path = write_clip(folder / "variable.mkv", BARS.clip(160), stamps, rate=1000)
    return path, list(range(0, 160, 2))


@pytest.mark.parametrize("make", [obs, without_stamps, trimmed, joined, gap, turned, variable])
def test_the_frame_that_is_labelled_is_the_frame_that_is_read(
    make: Callable[[Path, Path], tuple[Path, list[int]]],
    whole: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    video, expected = make(tmp_path, whole)
    report = label_videos([video], checkpoint=checkpoint, output=tmp_path / "out", workers=0, progress=False)
    assert [result.reason for result in report.videos] == [""]
    labels = tmp_path / "out" / f"{video.stem}.labels.parquet"

    recording = Recording.open(labels)
    assert [BARS.read(frame) for frame in recording.frames()] == expected
    assert [BARS.read(frame) for frame in recording.iter_frames()] == expected
    for start in (70, len(expected) - 5, 3, len(expected) // 2):
        stop = min(start + 3, len(expected))
        assert [BARS.read(frame) for frame in recording.frames(min(start, stop), stop)] == expected[start:stop]
    (episode,) = load_episodes(labels, size=BARS.size)
    assert [BARS.read(frame) for frame in episode.frames[:]] == expected

    capsys.readouterr()
    assert ghostkeys.main(["idm", "predict", str(video), "--checkpoint", str(checkpoint)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(expected)


def test_ticks_beside_a_gap_or_a_joint_are_not_usable(whole: Path, checkpoint: Path, tmp_path: Path) -> None:
    """The action before a leap has no result in the video, the one after it no history."""
    for make, place in ((gap, 78), (joined, 119)):
        video, _ = make(tmp_path, whole)
        label_videos([video], checkpoint=checkpoint, output=tmp_path / "out", workers=0, progress=False)
        reasons = read_labels(tmp_path / "out" / f"{video.stem}.labels.parquet")["reason"].to_pylist()
        assert [tick for tick, reason in enumerate(reasons) if reason == "gap"] == [place, place + 1]
