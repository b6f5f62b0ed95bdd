"""Recordings opened a second time are the same, and nothing is read for them but their entry."""

import json
import logging
import multiprocessing
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import Actions, Recording
from env.errors import GhostkeysError, RecordingError, VideoError
from env.recordings import index as module
from env.recordings.index import RecordingIndex, cache_folder, expected_ticks
from env.recordings.keys import KeyTable
from env.recordings.labels import write_labels
from env.recordings.recording import RecordingWriter
from env.video.encoding import write_video
from tests.unit.env.video.clips import steady, write_clip

SIZE = (24, 32)
TICKS = 30


def frames_of(seed: int = 0) -> Any:
    noise = np.random.default_rng(seed).integers(0, 256, (TICKS, 6, 8, 3), np.uint8)
    return noise.repeat(4, axis=1).repeat(4, axis=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording with a cursor in some frames (`play`), and labels of a video with B-frames (`film`)."""
    data = tmp_path / "data"
    generator = np.random.default_rng(1)
    actions = Actions(generator.random((TICKS, 20)) < 0.3, generator.normal(0, 5, (TICKS, 2)).astype(np.float32))
    with RecordingWriter(data, "play", size=SIZE) as writer:
        for number, (frame, action) in enumerate(zip(frames_of(), actions.to_minerl(), strict=True)):
            writer.write(frame, action, {"isGuiOpen": number > 20, "isCursorDrawn": False, "mouse": {"x": 60, "y": 90}})
    write_clip(data / "film.mkv", frames_of(1), steady(TICKS, 20))
    write_labels(
        data / "film.labels.parquet",
        actions,
        times=np.arange(TICKS) / 20,
        button_probabilities=np.full((TICKS, 20), 0.5, np.float32),
        camera_probability=np.ones(TICKS, np.float32),
        usable=np.arange(TICKS) != 3,
        metadata={"video": "film.mkv", "resampling": "20 Hz"},
    )
    return data


@pytest.fixture
def index(tmp_path: Path) -> RecordingIndex:
    return RecordingIndex(tmp_path / "index")


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, reading an action file or scanning a video fails."""

    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("the files were read")

    def forbid() -> None:
        for name in ("read_contractor_file", "read_labels", "align", "frame_table"):
            monkeypatch.setattr(f"env.recordings.recording.{name}", fail)
        monkeypatch.setattr("env.video.table._read_table", fail)
        for name in ("decoding", "frames"):
            monkeypatch.setattr(f"env.video.{name}.frame_table", fail)

    return forbid


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, arrays in their types, too."""
    if isinstance(one, np.ndarray):
        equal = np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        return one.dtype == other.dtype and one.shape == other.shape and equal
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__
        )
    return bool(one == other)


def entries(index: RecordingIndex) -> list[Path]:
    return sorted(index.folder.iterdir()) if index.folder.exists() else []


@pytest.mark.parametrize("stem", ["play", "film"])
def test_the_second_time_gives_the_same(
    folder: Path, index: RecordingIndex, unread: Callable[[], None], stem: str
) -> None:
    first = index.open(folder / stem)
    expected = Recording.open(folder / stem)
    pictures = expected.frames(), expected.frames(10, 25, size=(12, 16))
    unread()
    second = index.open(folder / stem)
    for recording in (first, second):
        assert recording.state().keys() == expected.state().keys()
        different = [name for name, value in expected.state().items() if not same(value, recording.state()[name])]
        assert not different
        np.testing.assert_array_equal(recording.frames(), pictures[0])
        np.testing.assert_array_equal(recording.frames(10, 25, size=(12, 16)), pictures[1])
        np.testing.assert_array_equal(np.stack(list(recording.iter_frames())), pictures[0])
    assert len(entries(index)) == 1


def test_options_have_entries_of_their_own(folder: Path, index: RecordingIndex) -> None:
    for _ in range(2):
        published, plain = index.open(folder / "play", compat="openai"), index.open(folder / "play", compat=None)
        assert same(published.actions, Recording.open(folder / "play", compat="openai").actions)
        assert same(plain.actions, Recording.open(folder / "play").actions)
        assert not same(published.actions, plain.actions)
        with pytest.raises(TypeError, match="there is no option colour"):
            index.open(folder / "play", colour=1)
    assert len(entries(index)) == 2


def test_a_key_table_counts_by_what_it_holds(folder: Path, index: RecordingIndex, tmp_path: Path) -> None:
    file = tmp_path / "game.yaml"
    for degrees in (0.1, 0.2, 0.1):
        file.write_text(f"degrees_per_pixel: {degrees}\nkeys: {{key.keyboard.w: jump}}\n")
        table = KeyTable.read(file)
        for keys in (file, str(file), table):
            found, expected = index.open(folder / "play", keys=keys), Recording.open(folder / "play", keys=table)
            assert found.actions == expected.actions
            assert found.unmapped == expected.unmapped
    assert len(entries(index)) == 2


def test_the_version_that_a_folder_names_counts(folder: Path, index: RecordingIndex) -> None:
    """The scale of mouse movement in a GUI depends on it."""
    turned = []
    for version in ("6.7", "7.0", "6.7"):
        place = folder.rename(folder.with_name(version))
        turned.append(RecordingIndex(index.folder, root=place).open(place / "play").actions.camera[25].copy())
        place.rename(folder)
    np.testing.assert_allclose(turned[0], 2 * turned[1])
    np.testing.assert_array_equal(turned[0], turned[2])


@pytest.mark.parametrize("suffix", [".mp4", ".jsonl"])
def test_a_changed_file_is_read_again(folder: Path, index: RecordingIndex, suffix: str) -> None:
    index.open(folder / "play")
    if suffix == ".mp4":
        write_video(folder / "play.mp4", frames_of(5))
    else:
        lines = (folder / "play.jsonl").read_text().splitlines(keepends=True)
        (folder / "play.jsonl").write_text("".join(lines[:-4]))
    again, expected = index.open(folder / "play"), Recording.open(folder / "play")
    assert len(again) == len(expected) == (TICKS if suffix == ".mp4" else TICKS - 4)
    np.testing.assert_array_equal(again.frames(), expected.frames())


def test_a_change_of_the_reading_code_is_a_new_entry(
    folder: Path, index: RecordingIndex, monkeypatch: pytest.MonkeyPatch, unread: Callable[[], None]
) -> None:
    index.open(folder / "play")
    monkeypatch.setattr(module, "_reader", lambda: "newer")
    unread()
    with pytest.raises(AssertionError, match="the files were read"):
        index.open(folder / "play")


def test_a_damaged_entry_is_made_anew(folder: Path, index: RecordingIndex, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever a byte is wrong, or the file ends."""
    expected = index.open(folder / "play")
    (entry,) = entries(index)
    whole = entry.read_bytes()
    places = np.linspace(0, len(whole) - 1, 40).astype(int)
    for place in places:
        entry.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        assert same(index.open(folder / "play").actions, expected.actions)
        assert entry.read_bytes() == whole
        entry.write_bytes(whole[:place])
        assert len(index.open(folder / "play")) == TICKS
        assert entry.read_bytes() == whole
    assert caplog.messages[0].startswith(f"{entry} is damaged (")
    assert len(caplog.messages) == 2 * len(places)


def test_an_entry_that_would_fill_the_memory_is_refused(
    folder: Path, index: RecordingIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    index.open(folder / "play")
    monkeypatch.setattr(module, "MAX_BYTES", 2**20)
    (entry,) = entries(index)
    entry.write_bytes(zlib.compress(bytes(2**21)))
    assert len(index.open(folder / "play")) == TICKS
    assert caplog.messages == [f"{entry} is damaged (larger than 1 MiB): the recording is read again"]


def test_why_a_recording_cannot_be_read_is_kept(
    folder: Path, index: RecordingIndex, unread: Callable[[], None]
) -> None:
    good = (folder / "play.jsonl").read_text(), (folder / "play.mp4").read_bytes()
    (folder / "play.jsonl").write_text("{}\n" + good[0])
    (folder / "film.mkv").write_bytes(b"no video")
    messages = {}
    for stem, error in (("play", RecordingError), ("film", VideoError)):
        with pytest.raises(error) as caught:
            index.open(folder / stem)
        messages[stem] = str(caught.value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recording, "__init__", lambda *_, **__: pytest.fail("read again"))
        for stem, error in (("play", RecordingError), ("film", VideoError)):
            with pytest.raises(error) as caught:
                index.open(folder / stem)
            assert str(caught.value) == messages[stem]
    (folder / "play.jsonl").write_text(good[0])
    assert len(index.open(folder / "play")) == TICKS


def test_a_video_that_was_missing_is_found(folder: Path, index: RecordingIndex) -> None:
    away = (folder / "play.mp4").rename(folder / "away.mp4")
    for _ in range(2):
        with pytest.raises(VideoError, match=r"play\.mp4: no such file"):
            index.open(folder / "play")
    away.rename(folder / "play.mp4")
    assert len(index.open(folder / "play")) == TICKS


def test_a_passing_fault_is_not_kept(folder: Path, index: RecordingIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is down today says nothing about the recording."""
    with monkeypatch.context() as patch:

        def fail(path: Path, *_: Any) -> Any:
            try:
                raise TimeoutError("the network is down")
            except OSError as error:
                raise RecordingError(f"{path}: {error}") from error

        patch.setattr("env.recordings.recording.read_contractor_file", fail)
        with pytest.raises(RecordingError, match="the network is down"):
            index.open(folder / "play")
    assert len(index.open(folder / "play")) == TICKS


def test_the_least_recently_used_go_first(folder: Path, tmp_path: Path) -> None:
    for number in range(8):
        for suffix in (".mp4", ".jsonl"):
            os.link(folder / f"play{suffix}", folder / f"copy{number}{suffix}")
    roomy = RecordingIndex(tmp_path / "index")
    for number in range(8):
        roomy.open(folder / f"copy{number}")
        (entry,) = roomy.folder.glob(f"copy{number}*")
        os.utime(entry, (1000 + number, 1000 + number))
    size = entry.stat().st_size
    roomy.open(folder / "copy0")  # which is then the last that was used
    tight = RecordingIndex(tmp_path / "index", max_gb=4.5 * size / 1e9)
    tight.open(folder / "film")
    left = {path.name.split(".")[0] for path in entries(tight)}
    assert {"copy0", "film"} <= left
    assert left <= {"copy0", "film", "copy5", "copy6", "copy7"}
    assert sum(path.stat().st_size for path in entries(tight)) <= tight.max_bytes


def test_without_a_folder_that_can_be_written_it_is_read_each_time(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    index = RecordingIndex(tmp_path / "file" / "index")
    assert [len(index.open(folder / stem)) for stem in ("play", "film", "play")] == [TICKS] * 3
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "no index of recordings can be kept there" in message
    assert "GHOSTKEYS_CACHE names another one" in message


def test_an_index_beside_the_data_moves_with_them(folder: Path, unread: Callable[[], None]) -> None:
    expected = RecordingIndex.beside(folder).open(folder / "play").frames(0, 5)
    moved = folder.rename(folder.with_name("elsewhere"))
    unread()
    recording = RecordingIndex.beside(moved).open(moved / "play")
    np.testing.assert_array_equal(recording.frames(0, 5), expected)
    assert recording.video == moved / "play.mp4"


def open_often(folder: Path, place: Path, failed: Any) -> None:
    for _ in range(20):
        recording = RecordingIndex(place).open(folder / "play")
        if len(recording) != TICKS:
            failed.set()
        for entry in place.glob("*.recording"):
            entry.unlink(missing_ok=True)


def test_processes_share_an_index(folder: Path, tmp_path: Path) -> None:
    """Several write one entry at once, while others remove it."""
    context = multiprocessing.get_context("spawn")
    failed = context.Event()
    workers = [context.Process(target=open_often, args=(folder, tmp_path / "index", failed)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert not failed.is_set()


def test_where_the_index_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert RecordingIndex().folder == Path(os.environ["GHOSTKEYS_CACHE"]) / "recordings"
    monkeypatch.delenv("GHOSTKEYS_CACHE")
    assert cache_folder().name == "ghostkeys"
    with pytest.raises(GhostkeysError, match="expected a number above 0"):
        RecordingIndex(tmp_path, max_gb=0)


def test_reading_an_entry_imports_no_torch() -> None:
    code = "import sys, env.recordings.index; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_expected_ticks(folder: Path, index: RecordingIndex, unread: Callable[[], None]) -> None:
    unread()
    before = [expected_ticks(folder / stem) for stem in ("play", "film", "play.jsonl")]
    assert before == [TICKS] * 3


@pytest.mark.parametrize(
    ("suffix", "rate", "clock", "stated", "ticks"),
    [
        (".mp4", 20, 20, None, 31),
        (".mkv", 20, None, None, 31),  # its header tells no number of frames
        (".mp4", 60, 60, None, 11),
        (".avi", 30, 30, None, 21),
        (".mp4", 30, 20, None, 31),  # a frame a tick, under a wrong rate
        (".mp4", 30, None, None, 31),
        (".mp4", 30, None, 30, 21),
        (".mp4", 20, 20, 60, 11),
        (".mp4", 10, 10, None, 62),
    ],
)
def test_expected_ticks_of_other_containers_and_rates(
    tmp_path: Path, suffix: str, rate: int, clock: int | None, stated: float | None, ticks: int
) -> None:
    pictures = np.concatenate([frames_of(), frames_of()])[:31]
    write_clip(tmp_path / f"play{suffix}", pictures, steady(31, rate), "mpeg4", rate=rate)
    lines: list[Any] = [{"milli": None if clock is None else 5000 + 1000 * number // clock} for number in range(31)]
    lines.insert(3, "no object")
    (tmp_path / "play.jsonl").write_text("not JSON\n" + "".join(json.dumps(line) + "\n" for line in lines))
    assert expected_ticks(tmp_path / "play.jsonl", ticks_per_second=stated) == ticks


def test_expected_ticks_of_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        expected_ticks(tmp_path / "nothing")
    (tmp_path / "play.jsonl").write_text("{}")
    with pytest.raises(VideoError, match=r"play\.mp4: no such file"):
        expected_ticks(tmp_path / "play")
