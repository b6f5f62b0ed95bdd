"""One bad file, name or value costs only itself: the rest is labelled, in this process, in threads and in several."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from env.errors import GhostkeysError, RecordingError
from env.files import atomic_path, sha256_of
from env.recordings.labels import METADATA_KEY, label_metadata
from env.recordings.recording import Recording
from env.video.files import VIDEO_SUFFIXES
from env.video.frames import Tick, probe, read_ticks
from labelling import LabelReport, engine, label_videos, provenance, read_labels, video_labeller
from labelling.commands import label
from labelling.labeller import Labeller

MakeVideo = Callable[..., Path]
Run = Callable[..., LabelReport]

MODES = {"here": {"workers": 0}, "threads": {"together": 2}, "processes": {"workers": 2}}
ODD_NAMES = (
    "two\nlines.mp4", "red\x1b[31m\t.mp4", "b\udcff\udcfe.mp4", "größe 日本.mp4", "run:1.mp4", "%03d.mp4", "-x.mp4",
    "n" * 251 + ".mp4", "ü" * 125 + ".mp4", "clip[1].mp4", "a b.mp4", "'\".mp4",
)  # fmt: skip


@pytest.fixture
def run(checkpoint: Path, tmp_path: Path) -> Run:
    def label(*videos: Path | str, **options: object) -> LabelReport:
        defaults = {"checkpoint": checkpoint, "output": tmp_path / "out", "workers": 0, "progress": False}
        return label_videos(videos, **{**defaults, **options})  # type: ignore[arg-type]

    return label


def replaced(video: Path, before: bytes, after: bytes) -> Path:
    """The video with some bytes replaced by as many others."""
    content = video.read_bytes()
    assert before in content
    assert len(before) == len(after)
    video.write_bytes(content.replace(before, after))
    return video


def assert_whole(labels: Path, video: Path, ticks: int) -> None:
    """The label file opens as a recording of its video, with that video's frames."""
    recording = Recording.open(labels)
    assert recording.video.samefile(video)
    assert len(recording) == ticks
    assert recording.frames().shape == (ticks, 64, 64, 3)


@pytest.mark.parametrize("mode", MODES)
def test_bad_videos_are_failures_with_a_reason_and_the_others_are_labelled(
    run: Run, make_video: MakeVideo, tmp_path: Path, mode: str
) -> None:
    good = {name: make_video(name, ticks) for name, ticks in (("1.mp4", 1), ("2.mp4", 2), ("3.mkv", 3), ("5.mp4", 5))}
    bad = {
        "codec.mkv": replaced(make_video("codec.mkv"), b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/ZZZ"),
        "tag.mp4": replaced(make_video("tag.mp4"), b"avc1", b"zzzz"),
        "empty.mp4": tmp_path / "empty.mp4",
        "text.mp4": tmp_path / "text.mp4",
        "gone.mp4": tmp_path / "gone.mp4",
        "x" * 300: tmp_path / ("x" * 300),
        r"two\nlines": tmp_path / "two\nlines.mp4",
    }
    bad["empty.mp4"].touch()
    bad["text.mp4"].write_text("no video\n" * 100)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mp4")
        bad["pipe.mp4"] = tmp_path / "pipe.mp4"
    report = run(*bad.values(), *good.values(), **{"workers": None, **MODES[mode]})
    results = {result.video: result for result in report.videos}
    assert {video: results[video].status for video in results} == {
        **dict.fromkeys(bad.values(), "failed"),
        **dict.fromkeys(good.values(), "done"),
    }
    for name, video in bad.items():
        assert name in results[video].reason
        assert "\n" not in results[video].reason
    for name, video in good.items():
        assert_whole(results[video].labels, video, ticks=int(name[0]))
    assert len(list((tmp_path / "out").iterdir())) == len(good)


@pytest.mark.parametrize("error", [ValueError("bad"), AttributeError("height"), MemoryError(), ZeroDivisionError()])
def test_what_a_decoder_makes_of_a_hostile_file_is_the_fault_of_that_file(
    run: Run, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    hostile, good = make_video("hostile.mp4", 20), make_video("good.mp4", 10)

    def read(video: Path, **how: object) -> object:
        yield from read_ticks(video, **how)  # type: ignore[arg-type]
        if video == hostile:
            raise error

    def look_at(video: Path) -> object:
        if video == hostile:
            raise error
        return probe(video)

    monkeypatch.setattr(video_labeller, "read_ticks", read)
    monkeypatch.setattr(engine, "probe", look_at)
    report = run(hostile, good)
    assert [result.status for result in report.videos] == ["failed", "done"]
    assert "hostile.mp4 cannot be decoded" in report.videos[0].reason
    assert type(error).__name__ in report.videos[0].reason
    (kept,) = run(hostile, keep_prefix=True).videos
    assert kept.ticks == 20


def test_a_bug_of_ours_stops_the_run(run: Run, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    def label(self: Labeller, chunks: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(Labeller, "label", label)
    with pytest.raises(KeyError, match="a bug"):
        run(make_video("a.mp4", 5))


@pytest.mark.parametrize("mode", MODES)
def test_a_video_may_have_any_name(
    run: Run, make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    videos = [make_video(name, 3 + number) for number, name in enumerate(ODD_NAMES)]
    monkeypatch.chdir(tmp_path)
    report = run(*ODD_NAMES, **{"workers": None, **MODES[mode]})  # relative to this folder, as in a shell
    assert [(result.status, result.reason) for result in report.videos] == [("done", "")] * len(ODD_NAMES)
    report.as_text().encode()
    json.dumps(report.as_dict()).encode()
    for number, (video, result) in enumerate(zip(videos, report.videos, strict=True)):
        assert_whole(result.labels, video, ticks=3 + number)
        assert label_metadata(read_labels(result.labels))["video"] == os.path.relpath(video, tmp_path / "out")
    again = run(tmp_path)
    assert {result.status for result in again.videos} == {"skipped"}
    assert len(again.videos) == len(ODD_NAMES)


def test_a_recording_is_found_beside_a_video_with_a_long_name(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    video = make_video("n" * 251 + ".mp4", 5)
    run(video, output=tmp_path)
    assert len(Recording.open(video)) == 5


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_every_kind_of_video_is_found_by_its_labels(run: Run, make_video: MakeVideo, suffix: str) -> None:
    video = make_video("clip.mp4", 5).rename(make_video("clip.mp4", 5).with_name(f"clip{suffix.upper()}"))
    (result,) = run(video.parent).videos
    assert_whole(result.labels, video, ticks=5)
    beside = result.labels.rename(video.with_name(result.labels.name))
    assert len(Recording.open(video)) == len(Recording.open(beside)) == 5


def environment(encoding: str) -> dict[str, str]:
    return {**os.environ, "PYTHONIOENCODING": encoding}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_command_prints_and_writes_any_name(
    checkpoint: Path, make_video: MakeVideo, tmp_path: Path, encoding: str
) -> None:
    videos = tmp_path / "vidéos"
    for name in ODD_NAMES:
        make_video(f"vidéos/{name}", 3)
        (videos / f"bad{name[:100]}").with_suffix(".mkv").write_text("no video")
    command: list[str | Path] = [sys.executable, "-m", "ghostkeys", "label", videos, "--checkpoint", checkpoint]
    done = subprocess.run(
        [*command, "--output", tmp_path / "o\nt\udcff", "--workers", "0", "--json", tmp_path / "é\udcff.json"],
        env=environment(encoding), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stderr
    printed = done.stdout.decode(encoding)
    assert f"{len(ODD_NAMES)} labelled, 0 labelled before, {len(ODD_NAMES)} failed" in printed
    assert sum(line.startswith("failed ") for line in printed.splitlines()) == len(ODD_NAMES)
    failures = json.loads((tmp_path / "é\udcff.json").read_text())["failures"]
    assert {failure["video"] for failure in failures} == {str(path) for path in videos.glob("*.mkv")}


@pytest.mark.parametrize("place", ["file", "file/below", "n" * 256, "/proc/nowhere"])
def test_an_output_that_cannot_be_written_is_one_line_before_any_work(
    run: Run, make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(engine, "_work", lambda *_: pytest.fail("it began to work"))
    (tmp_path / "file").write_text("something else")
    before = set(tmp_path.iterdir()) | {make_video("a.mp4", 5)}
    with pytest.raises(GhostkeysError, match="expected a folder") as caught:
        run(tmp_path / "a.mp4", output=tmp_path / place)
    assert str(tmp_path / place) in str(caught.value)
    assert set(tmp_path.iterdir()) == before
    assert (tmp_path / "file").read_text() == "something else"


def test_a_folder_below_the_output_that_cannot_be_written_is_found_before_any_work(
    run: Run, make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_work", lambda *_: pytest.fail("it began to work"))
    make_video("videos/deep/a.mp4", 5)
    make_video("videos/a.mp4", 5)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").touch()
    with pytest.raises(GhostkeysError, match=r"out/deep is a file; expected a folder"):
        run(tmp_path / "videos", recursive=True)


def test_a_summary_that_cannot_be_written_is_found_before_any_work(
    checkpoint: Path, make_video: MakeVideo, tmp_path: Path
) -> None:
    video = str(make_video("a.mp4", 5))
    where = ["--checkpoint", str(checkpoint), "--output", str(tmp_path / "out"), "--workers", "0"]
    for summary in (tmp_path, tmp_path / "a.mp4" / "summary.json"):
        with pytest.raises(GhostkeysError, match="expected"):
            label([video, *where, "--json", str(summary)])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", MODES)
def test_one_label_file_that_cannot_be_written_is_one_failure(
    run: Run, make_video: MakeVideo, tmp_path: Path, mode: str
) -> None:
    (tmp_path / "out" / "a.labels.parquet" / "below").mkdir(parents=True)
    report = run(make_video("a.mp4", 9), make_video("b.mp4", 5), **{"workers": None, **MODES[mode]})
    assert [result.status for result in report.videos] == ["failed", "done"]
    assert "a.labels.parquet cannot be written: Is a directory" in report.videos[0].reason
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.labels.parquet", "b.labels.parquet"]


def test_an_answer_that_is_no_number_is_never_written(
    run: Run, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tick = Tick(0, -1.0, np.zeros((32, 32, 3), np.uint8), 0, gap=False)
    monkeypatch.setattr(video_labeller, "read_ticks", lambda *_, **__: iter([tick]))
    (result,) = run(make_video("a.mp4", 5)).videos
    assert result.status == "failed"
    assert "column `time`" in result.reason
    assert list((tmp_path / "out").iterdir()) == []


HOSTILE_METADATA: dict[str, Callable[[dict[str, object]], object]] = {
    "list": lambda _: [1, 2],
    "number": lambda _: 7,
    "null": lambda _: None,
    "empty": lambda _: {},
    "no video": lambda content: {key: value for key, value in content.items() if key != "video"},
    "no resampling": lambda content: {key: value for key, value in content.items() if key != "resampling"},
    "video a number": lambda content: {**content, "video": 7},
    "video empty": lambda content: {**content, "video": ""},
    "video a folder": lambda content: {**content, "video": "/"},
    "video with a null": lambda content: {**content, "video": "a\0.mp4"},
    "resampling a list": lambda content: {**content, "resampling": ["20 Hz"]},
}


def rewrite(labels: Path, content: bytes, **columns: object) -> None:
    """Puts other metadata, and other values of columns, into a label file."""
    table = pq.read_table(labels)
    for name, values in columns.items():
        index = table.schema.get_field_index(name)
        table = table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: content}), labels)


@pytest.mark.parametrize("what", [*HOSTILE_METADATA, "broken JSON", "deep JSON", "no text"])
def test_hostile_metadata_is_refused_and_labelled_again(
    run: Run, make_video: MakeVideo, tmp_path: Path, what: str
) -> None:
    (result,) = run(make_video("a.mp4", 5)).videos
    content = label_metadata(read_labels(result.labels))
    raw = {"broken JSON": b'{"video": ', "deep JSON": b"[" * 10**5, "no text": b"\xff\xfe"}
    rewrite(result.labels, raw[what] if what in raw else json.dumps(HOSTILE_METADATA[what](content)).encode())
    for read in (read_labels, Recording.open):
        with pytest.raises(RecordingError, match=r"a\.labels\.parquet"):
            read(result.labels)
    assert run(tmp_path / "a.mp4").ticks == 5
    assert_whole(result.labels, tmp_path / "a.mp4", ticks=5)


@pytest.mark.parametrize(
    "columns",
    [
        {"time": [0.0, 0.05, float("nan"), 0.15, 0.2]},
        {"time": [0.0, 0.05, 0.1, 0.15, float("inf")]},
        {"time": [-0.05, 0.0, 0.05, 0.1, 0.15]},
        {"time": [0.0, 0.05, 0.04, 0.15, 0.2]},
        {"time": [0.0, 0.05, 0.1, 0.15, 1e300]},
        {"camera_yaw": [0.0, 0.0, float("nan"), 0.0, 0.0]},
        {"camera_pitch": [0.0, float("-inf"), 0.0, 0.0, 0.0]},
        {"probability.attack": [0.0, 0.5, 1.5, 0.0, 0.0]},
        {"probability.camera": [0.0, 0.5, float("nan"), 0.0, 0.0]},
    ],
)
def test_hostile_values_are_refused(run: Run, make_video: MakeVideo, columns: dict[str, list[float]]) -> None:
    (result,) = run(make_video("a.mp4", 5)).videos
    rewrite(result.labels, json.dumps(label_metadata(read_labels(result.labels))).encode(), **columns)
    with pytest.raises(RecordingError, match=r"a\.labels\.parquet"):
        Recording.open(result.labels)


@pytest.mark.parametrize("recorded", ["n" * 300, "/" + "d/" * 3000 + "a.mp4", "..", "gone.mp4"])
def test_a_video_that_can_be_nowhere_is_gone(run: Run, make_video: MakeVideo, recorded: str) -> None:
    (result,) = run(make_video("a.mp4", 5)).videos
    content = {**label_metadata(read_labels(result.labels)), "video": recorded}
    rewrite(result.labels, json.dumps(content).encode())
    with pytest.raises(RecordingError, match="its video is gone"):
        Recording.open(result.labels)


def test_a_touched_video_is_read_once_more_and_not_at_every_start(
    run: Run, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_video("a.mp4", 5)
    (result,) = run(video).videos
    hashed: list[Path] = []

    def hash_and_note(path: Path) -> str:
        hashed.append(path)
        return sha256_of(path)

    monkeypatch.setattr(provenance, "sha256_of", hash_and_note)
    os.utime(video, ns=(1, 2))
    for _ in range(3):
        assert [result.status for result in run(video).videos] == ["skipped"]
    assert hashed.count(video) == 1
    assert label_metadata(read_labels(result.labels))["video_mtime_ns"] == 2
    fresh = run(video, output=video.with_name("fresh")).videos[0].labels
    rewritten, made = result.labels.read_bytes(), fresh.read_bytes()
    assert len(rewritten) == len(made)
    assert pq.read_table(result.labels).equals(pq.read_table(fresh))


def test_a_touched_video_whose_labels_cannot_be_written_is_skipped_all_the_same(
    run: Run, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_video("a.mp4", 5)
    run(video)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(provenance, "update_label_metadata", refuse)
    monkeypatch.setattr(engine, "check_writable", refuse)
    os.utime(video, ns=(1, 2))
    assert [result.status for result in run(video).videos] == ["skipped"]


def test_a_touched_video_with_damaged_labels_is_labelled_again(run: Run, make_video: MakeVideo) -> None:
    video = make_video("a.mp4", 5)
    (result,) = run(video).videos
    content = json.dumps(label_metadata(read_labels(result.labels))).encode()
    rewrite(result.labels, content, time=[0.0, 0.05, float("nan"), 0.15, 0.2])
    os.utime(video, ns=(1, 2))
    assert [result.status for result in run(video).videos] == ["done"]
    assert_whole(result.labels, video, ticks=5)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell whether a process runs")
def test_only_what_a_killed_run_left_is_removed(run: Run, make_video: MakeVideo, tmp_path: Path) -> None:
    code = (
        "import os, sys; from env.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary: temporary.write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out" / "a.labels.parquet")], check=False)
    (left,) = (tmp_path / "out").iterdir()
    with atomic_path(tmp_path / "out" / "a.labels.parquet") as temporary:  # as another run does
        temporary.touch()
        run(make_video("a.mp4", 5))
        assert temporary.exists()
        assert not left.exists()
        assert len(read_labels(tmp_path / "out" / "a.labels.parquet")) == 5
        temporary.write_bytes((tmp_path / "out" / "a.labels.parquet").read_bytes())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.labels.parquet"]


def test_what_another_run_has_labelled_meanwhile_is_not_labelled_again(
    run: Run, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = [make_video("long.mp4", 20), make_video("short.mp4", 5)]
    label = Labeller.label

    def label_beside_another(self: Labeller, chunks: object) -> object:
        monkeypatch.setattr(Labeller, "label", label)
        assert run(*videos).ticks == 25
        return label(self, chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(Labeller, "label", label_beside_another)
    assert [result.status for result in run(*videos).videos] == ["done", "skipped"]
