"""Many videos become whole label files; what is done is not done again, and a bad video costs only itself."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from env.errors import CheckpointError, GhostkeysError
from env.recordings.labels import label_metadata
from env.recordings.recording import Recording
from idm.model import LOW_CONFIDENCE, InverseDynamicsModel, load
from labelling import LabelReport, label_videos, read_labels
from labelling.options import LabelOptions
from learning.checkpoint import save_checkpoint

MakeVideo = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path, checkpoint: Path) -> Callable[..., LabelReport]:
    """Labels videos into the folder `out`, in this process."""

    def label(*videos: Path | str, **settings: object) -> LabelReport:
        defaults = {"checkpoint": checkpoint, "output": tmp_path / "out", "workers": 0, "progress": False}
        return label_videos(videos, **{**defaults, **settings})  # type: ignore[arg-type]

    return label


Run = Callable[..., LabelReport]


def cut_off(video: Path) -> None:
    """Takes the last third of a video away, after its index is moved to the front as it is for streaming."""
    whole = video.with_name(f"whole{video.suffix}")
    with av.open(str(video)) as source, av.open(str(whole), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    content = whole.read_bytes()
    video.write_bytes(content[: len(content) * 2 // 3])


@pytest.mark.parametrize("ticks", [1, 2, 3, 5, 15, 16, 17, 32, 33, 75, 140])
def test_every_tick_has_a_row(run: Run, make_video: MakeVideo, tmp_path: Path, ticks: int) -> None:
    report = run(make_video("clip.mp4", ticks))
    table = read_labels(tmp_path / "out" / "clip.labels.parquet")
    assert len(table) == report.ticks == ticks
    assert table["frame"].to_pylist() == list(range(ticks))
    np.testing.assert_allclose(table["time"].to_numpy(), np.arange(ticks) / 20, atol=1e-3)


def test_labels_and_video_are_a_recording(run: Run, make_video: MakeVideo, tmp_path: Path, checkpoint: Path) -> None:
    """What was labelled can be trained on, and says what the model says."""
    run(make_video("clip.mp4", 30))
    recording = Recording.open(tmp_path / "out" / "clip.labels.parquet")
    assert recording.kind == "labels"
    assert recording.frames(0, 30).shape == (30, 64, 64, 3)
    prediction = load(checkpoint).predict(recording.frames(size=(32, 32)))
    agree = (recording.actions.buttons == prediction.actions.buttons).mean()
    assert agree > 0.99
    np.testing.assert_allclose(recording.actions.camera, prediction.actions.camera, atol=0.5)


def test_native_and_time_stamps_differ_for_30_frames_a_second(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    video = make_video("clip.mp4", 60, fps=30)
    labels = tmp_path / "out" / "clip.labels.parquet"
    assert run(video).ticks == 40
    np.testing.assert_allclose(
        read_labels(labels)["time"].to_numpy(), [int(tick * 1.5 + 0.5) / 30 for tick in range(40)], atol=1e-3
    )
    assert len(Recording.open(labels).frames()) == 40
    assert run(video, fps="native").ticks == 60
    np.testing.assert_allclose(read_labels(labels)["time"].to_numpy(), np.arange(60) / 30, atol=1e-3)
    assert run(video, fps=60).ticks == 20


def test_what_is_done_is_skipped_until_something_changes(
    run: Run, make_video: MakeVideo, tmp_path: Path, model: InverseDynamicsModel
) -> None:
    video = make_video("clip.mp4", 20)
    labels = tmp_path / "out" / "clip.labels.parquet"

    def statuses(**settings: object) -> list[str]:
        return [result.status for result in run(video, **settings).videos]

    assert statuses() == ["done"]
    before = labels.read_bytes()
    assert statuses() == ["skipped"]
    video.touch()
    assert statuses() == ["skipped"]
    assert statuses(fps="native") == ["done"]
    assert statuses() == ["done"]
    labels.write_bytes(before[:-10])
    assert statuses() == ["done"]
    other = model.save(tmp_path / "other", metadata={"steps": 5})
    assert statuses(checkpoint=other) == ["done"]
    make_video("clip.mp4", 21)
    assert statuses(checkpoint=other) == ["done"]
    assert len(read_labels(labels)) == 21


def test_the_same_work_gives_the_same_bytes(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    video = make_video("clip.mp4", 50)
    run(video)
    run(video, output=tmp_path / "out2")
    first, second = (tmp_path / out / "clip.labels.parquet" for out in ("out", "out2"))
    assert first.read_bytes() == second.read_bytes()


def test_bad_videos_are_listed_with_the_reason(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    names = ("gone.mp4", "empty.mp4", "text.mp4")
    report = run(*(tmp_path / name for name in names), make_video("good.mp4", 20))
    assert [result.status for result in report.videos] == ["failed", "failed", "failed", "done"]
    for name, result in zip(names, report.videos, strict=False):
        assert name in result.reason
        assert "\n" not in result.reason
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.labels.parquet"]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_video_that_is_cut_off_fails_unless_its_good_part_is_asked_for(
    run: Run, make_video: MakeVideo, suffix: str
) -> None:
    video = make_video(f"clip{suffix}", 120)
    cut_off(video)
    (failed,) = run(video).videos
    assert failed.status == "failed"
    assert "good" in failed.reason
    (done,) = run(video, keep_prefix=True).videos
    assert done.status == "done"
    table = read_labels(done.labels)
    assert 0 < len(table) == done.ticks < 120
    assert "good" in label_metadata(table)["cut_off"]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The operating system refuses to write more than so many bytes into any file, as a full disk would."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more_stops_the_run_and_leaves_nothing_half_written(
    run: Run, make_video: MakeVideo, tmp_path: Path
) -> None:
    videos = [make_video("a.mp4", 20), make_video("b.mp4", 10)]
    with files_of_at_most(4096), pytest.raises(OSError, match="File too large") as caught:
        run(*videos)
    assert caught.value.filename == str(tmp_path / "out" / "a.labels.parquet")
    assert list((tmp_path / "out").iterdir()) == []
    assert [result.status for result in run(*videos).videos] == ["done", "done"]
    assert (tmp_path / "out" / "a.labels.parquet").stat().st_size > 4096


def test_a_checkpoint_of_another_kind_is_one_clear_line(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "policy", "policy", {}, {})
    with pytest.raises(CheckpointError, match="'policy'") as caught:
        run(make_video("a.mp4", 5), checkpoint=tmp_path / "policy")
    assert "\n" not in str(caught.value)


def test_settings_that_make_no_sense_are_refused(run: Run, make_video: MakeVideo) -> None:
    video = make_video("a.mp4", 5)
    for name, value in (
        ("fps", 0.0), ("fps", float("nan")), ("fps", "fast"), ("batch", 0), ("batch", 10**9), ("window", 30),
        ("window", 0), ("window", 10**9), ("workers", -1), ("workers", 10**6), ("together", 0), ("together", 10**6),
        ("precision", "float16"), ("low_confidence", 2.0),
    ):  # fmt: skip
        with pytest.raises(GhostkeysError, match=f"{name}.* {value}"):
            run(video, **{name: value})
    with pytest.raises(TypeError, match="frames_per_second"):
        run(video, frames_per_second=30)


def test_options_are_given_together_or_one_by_one(run: Run, make_video: MakeVideo) -> None:
    video = make_video("a.mp4", 60, fps=30)
    assert run(video, options=LabelOptions(fps="native", workers=0)).ticks == 60
    assert run(video, options=LabelOptions(fps="native", workers=0), fps=60).ticks == 20
    assert run(video).ticks == 40


def test_confidence_decides_what_is_usable(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    """An untrained model is sure of nothing: only a threshold of 0 leaves its ticks usable."""
    video = make_video("a.mp4", 70)

    def reasons(**settings: object) -> set[str]:
        (result,) = run(video, **settings).videos
        return set(read_labels(result.labels)["reason"].to_pylist())

    assert "low confidence" in reasons(low_confidence=0.9)
    assert "low confidence" not in reasons(low_confidence=0.0)


def test_by_default_the_model_says_how_to_label(
    run: Run, make_video: MakeVideo, tmp_path: Path, model: InverseDynamicsModel
) -> None:
    """Its calibration has measured which confidence is low, and whether to average with the mirrored video."""
    video = make_video("a.mp4", 70)
    measured = load(model.save(tmp_path / "measured"))
    measured.mirror_pays.fill_(True)
    measured.mirrored_calibration.low_confidence.fill_(1.0)
    measured.save(tmp_path / "measured")

    def settings(checkpoint: Path | None = None, **keywords: object) -> tuple[bool, float, bool]:
        report = run(video, **keywords, **({"checkpoint": checkpoint} if checkpoint else {}))
        metadata = label_metadata(read_labels(report.videos[0].labels))
        assert report.low_confidence == metadata["low_confidence"]
        return metadata["mirror"], metadata["low_confidence"], "low confidence" in report.unusable

    assert settings()[:2] == (False, LOW_CONFIDENCE)
    assert settings(tmp_path / "measured") == (True, 1.0, True)
    assert settings(tmp_path / "measured", mirror=False)[:2] == (False, LOW_CONFIDENCE)
    assert settings(tmp_path / "measured", low_confidence=0.0) == (True, 0.0, False)


def test_label_files_of_before_there_was_a_mirror_are_not_made_again(
    run: Run, make_video: MakeVideo, tmp_path: Path
) -> None:
    video = make_video("a.mp4", 20)
    labels = tmp_path / "out" / "a.labels.parquet"
    run(video)
    metadata = label_metadata(read_labels(labels))
    del metadata["mirror"]
    table = pq.read_table(labels)
    pq.write_table(table.replace_schema_metadata({b"ghostkeys": json.dumps(metadata)}), labels)
    assert run(video).videos[0].status == "skipped"
    assert run(video, mirror=True).videos[0].status == "done"
