"""Videos are read frame by frame, by their own time stamps, and what cannot be read says why."""

import multiprocessing
import wave
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from env.errors import VideoError
from env.video.decoding import decode
from env.video.encoding import VideoWriter, write_video
from env.video.frames import FrameReader, probe, read_frames, read_ticks
from env.video.pictures import resize


def write_at(path: Path, frames: Sequence[Any], milliseconds: Sequence[int], **options: str) -> Path:
    """A clip with the given time stamps."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=1000, options={"preset": "veryfast", "crf": "20", "threads": "1"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for frame, stamp in zip(frames, milliseconds, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def long_clip(bars: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 frames: more than two groups of pictures, so that seeking matters."""
    return write_video(tmp_path_factory.mktemp("clips") / "long.mp4", bars.clip(600))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_frames_and_times_come_back(bars: Any, tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"clip{suffix}", bars.clip(50))
    times, frames = zip(*read_frames(path), strict=True)
    assert [bars.read(frame) for frame in frames] == list(range(50))
    np.testing.assert_allclose(times, np.arange(50) / 20, atol=1e-3)
    assert frames[0].dtype == np.uint8
    assert frames[0].shape == (*bars.size, 3)


def test_probe(long_clip: Path, bars: Any) -> None:
    info = probe(long_clip)
    assert (info.frames, info.fps, info.seconds) == (600, 20.0, 30.0)
    assert (info.height, info.width) == bars.size


@pytest.mark.parametrize("start", [0, 1, 63, 64, 249, 250, 251, 310, 499, 500, 599])
def test_reading_starts_at_the_very_frame(long_clip: Path, bars: Any, start: int) -> None:
    for number, (seconds, frame) in enumerate(read_frames(long_clip, start=start, stop=start + 4), start=start):
        assert bars.read(frame) == number
        assert seconds == pytest.approx(number / 20)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_random_access_equals_reading_through(bars: Any, tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"clip{suffix}", bars.clip(300))
    reader = FrameReader(path)
    for start in np.random.default_rng(0).integers(0, 290, 12):
        frames = reader.read(np.arange(start, start + 10, 3), size=(16, 96))
        assert frames.shape == (4, 16, 96, 3)
        assert [bars.read(frame) for frame in frames] == list(range(start, start + 10, 3))


def test_reading_on_decodes_nothing_twice(long_clip: Path, bars: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def watched(path: Path, start: int, **known: Any) -> Iterator[Any]:
        starts.append(start)
        return decode(path, start, **known)

    monkeypatch.setattr("env.video.frames.decode", watched)
    reader = FrameReader(long_clip)
    read = [bars.read(frame) for start in range(0, 600, 50) for frame in reader.read(np.arange(start, start + 50))]
    assert read == list(range(600))
    assert starts == [0]


def test_a_reader_repeats_and_ends_clearly(long_clip: Path, bars: Any) -> None:
    reader = FrameReader(long_clip)
    assert [bars.read(frame) for frame in reader.read(np.array([5, 5, 6, 6]))] == [5, 5, 6, 6]
    assert bars.read(reader.read(np.array([6]))[0]) == 6
    assert reader.read(np.array([], int)).shape == (0, *bars.size, 3)
    with pytest.raises(VideoError, match="ends after 600 frames; expected frame 600 as well"):
        reader.read(np.arange(598, 601))
    assert bars.read(reader.read(np.array([599]))[0]) == 599


def test_a_forked_process_opens_its_own_file(long_clip: Path, bars: Any) -> None:
    """Parent and child would else move the same file's position under each other."""
    reader = FrameReader(long_clip)
    reader.frame(100)
    receive, send = multiprocessing.Pipe(duplex=False)

    def child() -> None:
        send.send([bars.read(frame) for frame in reader.read(np.arange(101, 160))])

    process = multiprocessing.get_context("fork").Process(target=child, daemon=True)
    process.start()
    parent = [bars.read(frame) for frame in reader.read(np.arange(101, 160))]
    assert receive.poll(60)
    assert receive.recv() == parent == list(range(101, 160))
    process.join()


@pytest.mark.parametrize(("fps", "frames"), [(20, 40), (10, 20), (30, 60), (60, 120), (25, 50)])
def test_ticks_of_constant_rates(bars: Any, tmp_path: Path, fps: int, frames: int) -> None:
    path = write_video(tmp_path / "clip.mp4", bars.clip(frames), fps)
    ticks = list(read_ticks(path))
    assert [tick.tick for tick in ticks] == list(range(40))
    # Nearest in time, of two as near the later; slow videos hold a frame until half a tick before the next.
    nearest = [tick // 2 if fps == 10 else (2 * tick * fps + 20) // 40 for tick in range(40)]
    assert [bars.read(tick.picture) for tick in ticks] == nearest
    assert [tick.frame for tick in ticks] == nearest
    np.testing.assert_allclose([tick.seconds for tick in ticks], [frame / fps for frame in nearest], atol=1e-3)


def test_native_ticks_ignore_the_time_stamps(bars: Any, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", bars.clip(30), 30)
    assert [(tick.tick, bars.read(tick.picture)) for tick in read_ticks(path, fps="native")] == [
        (i, i) for i in range(30)
    ]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_ticks_of_a_variable_rate(bars: Any, tmp_path: Path, suffix: str) -> None:
    """Each tick shows the frame nearest in time: the stall at 500 ms repeats one, the burst after it skips some."""
    stamps = np.concatenate([np.arange(0, 500, 33), np.arange(800, 1000, 10), np.arange(1000, 2000, 50)])
    path = write_at(tmp_path / f"clip{suffix}", bars.clip(len(stamps)), stamps.tolist())
    ticks = [(tick.tick, bars.read(tick.picture)) for tick in read_ticks(path)]
    before = [0, 2, 3, 5, 6, 8, 9, 11, 12, 14]  # 0, 66, 99, 165, 198, 264, 297, 363, 396, 462 ms
    stall = [15] * 6  # 495 ms; the next frame comes more than half a tick after 750 ms
    burst = [16, 21, 26, 31]  # 800, 850, 900, 950 ms
    assert ticks == list(enumerate([*before, *stall, *burst, *range(36, 56)]))


def test_a_delayed_start_is_tick_zero(bars: Any, tmp_path: Path) -> None:
    path = write_at(tmp_path / "clip.mkv", bars.clip(10), range(700, 1200, 50))
    assert [bars.read(tick.picture) for tick in read_ticks(path)] == list(range(10))
    assert next(read_frames(path))[0] == 0.0


def until_error(items: Iterator[Any]) -> tuple[list[Any], str]:
    """What an iterator gives before it raises, and what it raises."""
    good: list[Any] = []
    try:
        good.extend(items)
    except VideoError as error:
        return good, str(error)
    pytest.fail("expected a VideoError")


@pytest.fixture
def cut_off(bars: Any, tmp_path: Path) -> Path:
    """100 frames announced, about 80 there."""
    whole = write_at(tmp_path / "whole.mp4", bars.clip(100), range(0, 5000, 50), movflags="+faststart").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 9 // 10])
    return tmp_path / "cut.mp4"


def test_a_cut_off_file_gives_its_good_prefix_and_then_raises(cut_off: Path, bars: Any) -> None:
    good, message = until_error(read_frames(cut_off))
    assert [bars.read(frame) for _, frame in good] == list(range(len(good)))
    assert 65 < len(good) < 100
    assert message.startswith(str(cut_off))
    assert f"is cut off: {len(good)} frames are good of the 100 it announces" in message


def test_ticks_of_a_cut_off_file_include_the_last_good_frame(cut_off: Path, bars: Any) -> None:
    good, message = until_error(read_ticks(cut_off))
    assert [(tick.tick, bars.read(tick.picture)) for tick in good] == [(i, i) for i in range(len(good))]
    assert f": {len(good)} frames are good" in message


def test_noise_in_the_middle_is_reported(bars: Any, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 255, (60, 64, 96, 3), np.uint8)
    data = bytearray(write_video(tmp_path / "clip.mp4", frames).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = generator.bytes(20_000)
    (tmp_path / "clip.mp4").write_bytes(data)
    with pytest.raises(VideoError, match=r"is damaged \(Invalid data .* frames are good of the 60 it announces"):
        list(read_frames(tmp_path / "clip.mp4"))


def bad_video(kind: str, folder: Path, bars: Any) -> Path:
    path = folder / "bad.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("this is no video\n" * 100)
    elif kind == "without its index":
        write_video(path, bars.clip(20))
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "sound only":
        path = folder / "bad.wav"
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(8000))
    elif kind == "huge":
        write_at(path, [np.zeros((16, 8200, 3), np.uint8)], [0])
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such file; expected a video"),
        ("folder", "is a folder; expected a video file"),
        ("empty", r"is empty \(0 bytes\); expected a video"),
        ("text", "cannot be opened as a video"),
        ("without its index", "cut off before its index was written"),
        ("sound only", "has no video stream; expected one"),
        ("huge", "has frames of 16x8200; expected 1 to 8192 a side"),
    ],
)
def test_what_is_no_video_says_why(kind: str, message: str, tmp_path: Path, bars: Any) -> None:
    path = bad_video(kind, tmp_path, bars)
    for read in (probe, lambda path: list(read_frames(path)), lambda path: list(read_ticks(path))):
        with pytest.raises(VideoError, match=message) as error:
            read(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_strange_letters_in_the_title_do_no_harm(bars: Any, tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "TITLE"
        stream = container.add_stream("libx264", rate=20)
        stream.height, stream.width = bars.size
        container.mux(stream.encode(av.VideoFrame.from_ndarray(bars.draw(7), format="rgb24")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"TITLE", b"T\xfc\xe9\xffE"))
    assert [bars.read(frame) for _, frame in read_frames(path)] == [7]


def test_reading_on_from_the_middle_of_a_cut_off_file(cut_off: Path, bars: Any) -> None:
    """Its packets cannot be listed to the end, but what is there is counted right."""
    good, message = until_error(read_frames(cut_off, start=65))
    assert [bars.read(frame) for _, frame in good] == list(range(65, 65 + len(good)))
    assert good
    assert f": {65 + len(good)} frames are good" in message


def test_a_change_of_frame_size_is_reported(tmp_path: Path) -> None:
    parts = [write_video(tmp_path / f"{h}.ts", np.zeros((10, h, 96, 3), np.uint8)).read_bytes() for h in (64, 32)]
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    with pytest.raises(VideoError, match="changes from 64x96 to 32x96 at frame 10; expected one frame size"):
        list(read_frames(tmp_path / "joined.ts"))


def test_a_video_appears_only_when_it_is_whole(tmp_path: Path, bars: Any) -> None:
    path = tmp_path / "new" / "clip.mp4"
    with VideoWriter(path, bars.size) as writer:
        for frame in bars.clip(5):
            writer.write(frame)
        assert not path.exists()
        assert writer.frames == 5
    assert [file.name for file in path.parent.iterdir()] == ["clip.mp4"]


def write_and_fail(path: Path, frame: Any, error: type[BaseException]) -> None:
    with VideoWriter(path, frame.shape[:2]) as writer:
        writer.write(frame)
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_abandoned_video_leaves_the_old_one(tmp_path: Path, bars: Any, error: type[BaseException]) -> None:
    path = write_video(tmp_path / "clip.mp4", bars.clip(5))
    before = path.read_bytes()
    with pytest.raises(error):
        write_and_fail(path, bars.draw(1), error)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unwritable_videos_are_refused(tmp_path: Path, bars: Any) -> None:
    with pytest.raises(VideoError, match=r"cannot write frames of 31x64; H\.264 in yuv420p needs an even height"):
        VideoWriter(tmp_path / "clip.mp4", (31, 64))
    with pytest.raises(VideoError, match=r"expected a name in .mp4, .mkv, .ts"):
        VideoWriter(tmp_path / "clip.txt", (32, 64))
    with (
        pytest.raises(VideoError, match=r"frame 0 is uint8 \(16, 16, 3\); expected uint8 \(32, 192, 3\)"),
        VideoWriter(tmp_path / "clip.mp4", bars.size) as writer,
    ):
        writer.write(np.zeros((16, 16, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_shrinking_averages_and_keeps_leading_axes() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (2, 3, 8, 12, 3), np.uint8)
    small = resize(frames, (4, 6))
    assert small.shape == (2, 3, 4, 6, 3)
    means = frames.reshape(2, 3, 4, 2, 6, 2, 3).mean(axis=(3, 5))
    assert np.abs(small - means).max() <= 0.5
    assert resize(frames, (8, 12)) is frames
    np.testing.assert_array_equal(resize(frames[0, 0], (4, 6)), small[0, 0])
    np.testing.assert_array_equal(resize(frames[..., ::-1, :, :], (4, 6)), small[..., ::-1, :, :])


def test_linear_shrinking_reads_single_pixels() -> None:
    """As OpenAI's models saw the game: no averaging, so a third of the size keeps every third pixel."""
    frame = np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)
    np.testing.assert_array_equal(resize(frame, (3, 4), interpolation="linear"), frame[1::3, 1::3])


def test_linear_shrinking_equals_openais_to_the_bit() -> None:
    golden = np.load(Path(__file__).parents[3] / "golden" / "vpt" / "resize.npz")
    np.testing.assert_array_equal(resize(golden["frame"], (128, 128), interpolation="linear"), golden["resized"])


def test_enlarging_blends() -> None:
    frame = np.zeros((2, 2, 3), np.uint8)
    frame[:, 1] = 200
    assert resize(frame, (2, 4))[0, :, 0].tolist() == [0, 50, 150, 200]
