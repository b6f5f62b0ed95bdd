"""What is decided for each odd kind of video file; `docs/video.md` tells users the same."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from env.errors import VideoError
from env.video.decoding import decode
from env.video.encoding import write_video
from env.video.frames import FrameReader, probe, read_frames, read_ticks
from env.video.pictures import pixels
from env.video.table import frame_table
from tests.unit.env.video.clips import CODINGS, Packets, join, moved, remux, steady, write_clip, write_turned


@pytest.fixture(scope="module")
def whole(bars: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 frames at 20 a second, with B-frames, a key frame every 30."""
    folder = tmp_path_factory.mktemp("whole")
    return write_clip(folder / "whole.mp4", bars.clip(120), steady(120, 20), "h264-b")


def codes(path: Path, bars: Any, start: int = 0) -> list[int]:
    """The numbers drawn in the frames of a video."""
    return [bars.read(pixels(picture)) for _, _, picture in decode(path, start)]


def seconds(path: Path) -> list[float]:
    return [round(second, 3) for second in frame_table(path).seconds.tolist()]


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "flv"])
def test_a_start_offset_is_left_out(container: str, whole: Path, bars: Any, tmp_path: Path) -> None:
    path = remux(whole, tmp_path / f"late.{container}", lambda packets: moved(packets, lambda _: 7.0))
    assert codes(path, bars) == list(range(120))
    assert seconds(path)[:3] == [0.0, 0.05, 0.1]


def test_an_edit_list_shows_what_players_show(whole: Path, bars: Any, tmp_path: Path) -> None:
    """As after a cut without encoding: the file holds the whole group of pictures, and shows a part of it."""
    path = remux(
        whole, tmp_path / "trimmed.mp4", lambda packets: moved(packets, lambda _: -0.5), avoid_negative_ts="disabled"
    )
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 120
    assert codes(path, bars) == list(range(10, 120))
    assert len(frame_table(path)) == 110
    assert codes(path, bars, 80) == list(range(90, 120))
    assert [tick.frame for tick in read_ticks(path)] == list(range(110))


@pytest.mark.parametrize("lost", [1, 5, 17])
@pytest.mark.parametrize("container", ["ts", "mkv"])
def test_a_start_inside_a_group_of_pictures_begins_at_its_next_key_frame(
    container: str, lost: int, whole: Path, bars: Any, tmp_path: Path
) -> None:
    path = remux(whole, tmp_path / f"inside.{container}", lambda packets: packets[lost:])
    assert codes(path, bars) == list(range(30, 120))
    assert seconds(path)[0] == 0.0
    assert codes(path, bars, 66) == list(range(96, 120))


def test_pictures_that_refer_to_what_was_cut_away_are_not_shown(bars: Any, tmp_path: Path) -> None:
    """A stream cut at a key frame of an open group of pictures: B-frames shown before it cannot be decoded."""
    source = write_clip(tmp_path / "open.ts", bars.clip(120), steady(120, 20), "h264-open")

    def from_second_key(packets: list[Any]) -> Packets:
        return packets[[index for index, packet in enumerate(packets) if packet.is_keyframe][1] :]

    path = remux(source, tmp_path / "cut.ts", from_second_key)
    shown = codes(path, bars)
    assert shown == list(range(shown[0], 120))
    assert 20 <= shown[0] <= 30
    assert [number for number, _, _ in decode(path)] == list(range(len(frame_table(path))))
    assert codes(path, bars, 70) == shown[70:]


def test_joined_streams_whose_stamps_restart_are_read_on_and_marked(whole: Path, bars: Any, tmp_path: Path) -> None:
    part = remux(whole, tmp_path / "part.ts")
    path = join([part, part], tmp_path / "joined.ts")
    assert codes(path, bars) == [*range(120), *range(120)]
    assert seconds(path) == [round(number / 20, 3) for number in range(240)]
    assert frame_table(path).restarts.tolist() == [120]
    ticks = list(read_ticks(path))
    assert [tick.frame for tick in ticks] == list(range(240))
    assert [tick.frame for tick in ticks if tick.gap] == [119]
    assert codes(path, bars, 100) == [*range(100, 120), *range(120)]
    assert codes(path, bars, 170) == list(range(50, 120))


def test_a_joined_stream_that_goes_on_inside_a_group_of_pictures_waits_for_its_key_frame(
    whole: Path, bars: Any, tmp_path: Path
) -> None:
    first, second = remux(whole, tmp_path / "1.ts"), remux(whole, tmp_path / "2.ts", lambda packets: packets[7:])
    path = join([first, second], tmp_path / "joined.ts")
    assert codes(path, bars) == [*range(120), *range(30, 120)]
    assert frame_table(path).restarts.tolist() == [120]


@pytest.mark.parametrize("container", ["avi", "h264"])
@pytest.mark.parametrize("coding", ["h264-b", "h264-open"])
def test_without_time_stamps_frames_are_in_order_and_evenly_apart(
    container: str, coding: str, bars: Any, tmp_path: Path
) -> None:
    """Neither AVI nor a bare stream of H.264 stores times of presentation, and packets are in another order."""
    path = tmp_path / f"clip.{container}"
    write_clip(path, bars.clip(100), steady(100, 25), coding, rate=Fraction(25))
    assert codes(path, bars) == list(range(100))
    assert seconds(path) == [round(number / 25, 3) for number in range(100)]
    assert codes(path, bars, 80) == list(range(80, 100))


def test_stamps_that_were_made_up_from_the_order_of_packets_are_not_believed(
    whole: Path, bars: Any, tmp_path: Path
) -> None:
    """Some muxers write the time of decoding as the time of presentation."""

    def in_file_order(packets: list[Any]) -> Packets:
        for number, packet in enumerate(packets):
            packet.pts = packet.dts = round(number / 20 / float(packet.time_base))
            yield packet

    path = remux(whole, tmp_path / "wrong.mkv", in_file_order)
    assert codes(path, bars) == list(range(120))
    assert seconds(path) == [round(number / 20, 3) for number in range(120)]
    assert codes(path, bars, 100) == list(range(100, 120))


@pytest.mark.parametrize(
    ("container", "leap"), [("mkv", 1.7), ("mp4", 1.7), ("mkv", 120.0), ("mp4", 120.0), ("mkv", 4_300_000.0)]
)
def test_a_gap_is_marked_and_bounded(container: str, leap: float, whole: Path, bars: Any, tmp_path: Path) -> None:
    """However long: a frame is held for a second, and the ticks go on after the gap."""
    path = remux(
        whole,
        tmp_path / f"gap.{container}",
        lambda packets: moved(packets, lambda p: leap * (p.pts * p.time_base > 2.98)),
    )
    assert codes(path, bars) == list(range(120))
    ticks = list(read_ticks(path))
    assert [tick.frame for tick in ticks] == [*range(59), *[59] * 20, *range(60, 120)]
    assert [position for position, tick in enumerate(ticks) if tick.gap] == [78]
    assert ticks[79].seconds == pytest.approx(3.0 + leap, abs=2e-3)


def test_dropped_frames_leave_their_time(whole: Path, bars: Any, tmp_path: Path) -> None:
    """A recorder that drops frames leaves gaps of some frames in the time stamps: the frame before is held."""
    kept = [number for number in range(120) if number % 7 and number not in (50, 51, 52, 53)]
    path = tmp_path / "dropped.mkv"
    write_clip(path, [bars.draw(number) for number in kept], [Fraction(number, 20) for number in kept])
    shown = [bars.read(tick.picture) for tick in read_ticks(path)]
    start = kept[0]
    assert shown == [max(k for k in kept if k <= number) for number in range(start, kept[-1] + 1)]
    assert not any(tick.gap for tick in read_ticks(path))


def write_with_sound(path: Path, bars: Any, *, frames: int, sound: float) -> Path:
    """A clip with so many seconds of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"preset": "ultrafast"})
        stream.height, stream.width = bars.size
        audio = container.add_stream("aac", rate=8000, layout="mono")
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(bars.draw(number), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 20)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        for start in range(0, round(sound * 8000), 1024):
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            block.sample_rate, block.pts = 8000, start
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))
    return path


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "flv"])
def test_sound_that_outlasts_the_picture_is_no_fault(container: str, bars: Any, tmp_path: Path) -> None:
    path = write_with_sound(tmp_path / f"sound.{container}", bars, frames=20, sound=30.0)
    assert [bars.read(tick.picture) for tick in read_ticks(path)] == list(range(20))


def write_with_cover(path: Path, bars: Any, *, frames: int) -> Path:
    """A cover picture, and a video or, without frames, sound."""
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        moving: Any = container.add_stream("libx264", rate=20) if frames else container.add_stream("aac", rate=8000)
        if frames:
            moving.height, moving.width = bars.size
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        for number in range(frames):
            container.mux(moving.encode(av.VideoFrame.from_ndarray(bars.draw(number), format="rgb24")))
        if not frames:
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            block.sample_rate = 8000
            container.mux(moving.encode(block))
        container.mux(moving.encode(None))
    return path


def test_an_attached_picture_is_not_the_video(bars: Any, tmp_path: Path) -> None:
    assert codes(write_with_cover(tmp_path / "video.mp4", bars, frames=30), bars) == list(range(30))
    with pytest.raises(VideoError, match="holds a cover picture but no video"):
        probe(write_with_cover(tmp_path / "sound.mp4", bars, frames=0))


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_rotation_flags_are_followed(angle: int, bars: Any, tmp_path: Path) -> None:
    """Whatever way the camera was held, the frames are upright, in `label` as in `Recording`."""
    path = write_turned(tmp_path / "turned.mp4", bars.clip(70), angle)
    assert codes(path, bars) == list(range(70))
    assert (probe(path).height, probe(path).width) == bars.size
    assert bars.read(FrameReader(path).frame(66)) == 66
    assert next(read_ticks(path, size=(16, 96))).picture.shape == (16, 96, 3)


@pytest.mark.parametrize(
    ("transfer", "white", "half"),
    # Diffuse white is 203 cd/m²: a signal of .581 in PQ, .75 in HLG; a tenth of its light has .358 and .282.
    [("smpte2084", 0.5807, 0.3581), ("arib-std-b67", 0.75, 0.2820)],
)
def test_high_dynamic_range_becomes_ordinary(transfer: str, white: float, half: float, tmp_path: Path) -> None:
    path = tmp_path / "hdr.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"preset": "ultrafast", "crf": "1"})
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p10le"
        context: Any = stream.codec_context
        context.color_trc = {"smpte2084": 16, "arib-std-b67": 18}[transfer]
        context.color_primaries, context.colorspace = 9, 9
        for number, signal in enumerate((white, half)):
            grey = av.VideoFrame(96, 64, "yuv420p10le")
            for plane, level in zip(grey.planes, (round(64 + 876 * signal), 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, level, np.uint16).tobytes())
            grey.pts, grey.time_base = number, Fraction(1, 20)
            container.mux(stream.encode(grey))
        container.mux(stream.encode(None))
    bright, dim = (frame.astype(int) for _, frame in read_frames(path))
    assert bright.min() >= 250
    assert np.abs(dim - 89).max() <= 4  # sRGB of a tenth of the light: 255 * (1.055 * .1 ** (1 / 2.4) - .055)


@pytest.mark.parametrize("container", ["mp4", "mkv", "avi", "wmv"])
def test_a_file_that_is_cut_off_says_so_after_its_good_frames(container: str, bars: Any, tmp_path: Path) -> None:
    coding = "wmv2" if container == "wmv" else "h264"
    muxer = {"movflags": "+faststart"} if container == "mp4" else None
    path = write_clip(tmp_path / f"cut.{container}", bars.clip(200), steady(200, 20), coding, muxer=muxer)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    good: list[int] = []
    with pytest.raises(VideoError, match=r"is cut off.*: (\d+) frames are good") as error:
        good.extend(bars.read(frame) for _, frame in read_frames(path))
    assert good == list(range(len(good)))
    assert 40 < len(good) < 200
    assert f": {len(good)} frames are good" in str(error.value)


@pytest.mark.parametrize("container", ["ts", "mpg"])
def test_of_containers_without_a_size_nobody_can_tell_that_they_are_cut_off(
    container: str, bars: Any, tmp_path: Path
) -> None:
    path = tmp_path / f"cut.{container}"
    write_clip(path, bars.clip(100), steady(100, 25), "mpeg2-b" if container == "mpg" else "h264", rate=Fraction(25))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    good = [bars.read(frame) for _, frame in read_frames(path)]
    assert good[:40] == list(range(40))


def test_a_playlist_in_disguise_opens_no_other_file(whole: Path, tmp_path: Path) -> None:
    part = remux(whole, tmp_path / "secret.ts")
    playlist = tmp_path / "video.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:6,\n{part}\n#EXT-X-ENDLIST\n")
    (tmp_path / "script.mp4").write_text(f"ffconcat version 1.0\nfile '{part}'\n")
    for path in (playlist, tmp_path / "script.mp4"):
        with pytest.raises(VideoError, match="cannot be opened as a video"):
            frame_table(path)


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match="is a device or a pipe"):
        probe(tmp_path / "pipe.mp4")


def test_an_unknown_codec_says_so(bars: Any, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", bars.clip(20))
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_UNKNOWN/CODEC"))
    for read in (probe, frame_table):
        with pytest.raises(VideoError, match="there is no decoder for its video codec"):
            read(path)


@pytest.mark.parametrize(
    "name", ["run:1.mp4", "a b.mp4", "%d.mp4", "clip[1].mp4", "-i.mp4", "n\nl.mp4", b"\xff\xfe.mp4"]
)
def test_any_name_can_be_read(name: str | bytes, bars: Any, tmp_path: Path) -> None:
    plain = write_video(tmp_path / "plain.mp4", bars.clip(3))
    path = tmp_path / (name if isinstance(name, str) else os.fsdecode(name))
    plain.rename(path)
    assert codes(path, bars) == [0, 1, 2]
    assert probe(path).frames == 3


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
@pytest.mark.parametrize("coding", sorted(set(CODINGS) - {"flv1", "wmv2", "mpeg2-b"}))
def test_few_frames_are_all_shown(coding: str, frames: int, bars: Any, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "few.mkv", bars.clip(frames), steady(frames, 20), coding)
    assert codes(path, bars) == list(range(frames))
    assert [tick.frame for tick in read_ticks(path)] == list(range(frames))
