"""Shards give back what was recorded, from a folder and from an S3-compatible server, and refuse what they are not."""

import hashlib
import json
import multiprocessing
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import Recording, find_recordings
from env.errors import GhostkeysError, RecordingError, VideoError
from env.video.clips import decode_clip, encode_clip
from ghostkeys import main
from learning.object_store import Bucket, Folder
from learning.sample_cache import SampleCache
from learning.shard_manifest import INDEX, MANIFEST
from learning.shard_writer import FixedMotion, ShardOptions, write_shards
from learning.shards import ShardSource
from tests.unit.idm.clips import SIZE, panned_noise, write_recordings

pytest.importorskip("litdata", reason='needs pip install "ghostkeys[shards]"')

LENGTH = 48
TICKS = 20
OPTIONS = ShardOptions(size=SIZE, sample_ticks=TICKS, workers=2)


def brightness(frames: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """By how much each frame's mean differs from the next frame's: (T, 1) float16, 0 for the last."""
    means = frames.mean((1, 2, 3))
    return np.append(np.diff(means), 0.0)[:, None].astype(np.float16)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("recordings"), 3, length=LENGTH)


@pytest.fixture(scope="module")
def shards(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("shards") / "set"
    write_shards(recordings, str(output), OPTIONS, motion=FixedMotion("brightness", 1, brightness))
    return output


@pytest.fixture
def copy(shards: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shards, tmp_path / "copy"))


def psnr(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


def check(source: ShardSource, recordings: Path, recording: int, start: int, stop: int) -> None:
    """The stretch is the recording's: the same actions, and frames that only re-encoding has changed."""
    original = Recording.open(find_recordings(recordings)[recording])
    episode = source.read(recording, start, stop)
    assert episode.actions == original.actions[start:stop]
    assert (episode.usable == original.usable[start:stop]).all()
    assert episode.gui is not None
    assert (episode.gui == original.gui[start:stop]).all()
    assert (episode.name, episode.start, len(episode)) == (original.name, start, stop - start)
    frames = original.frames(start, stop)
    assert psnr(np.asarray(episode.frames), frames) > 27
    if start + 8 < stop:  # and of that tick, not of one beside it
        assert psnr(np.asarray(episode.frames)[:-1], frames[1:]) < 22


@pytest.mark.parametrize(("start", "stop"), [(0, LENGTH), (0, 1), (19, 21), (20, 40), (33, 48), (7, 47)])
def test_any_stretch_is_the_recordings(shards: Path, recordings: Path, start: int, stop: int) -> None:
    source = ShardSource(shards)
    assert list(source.names) == ["noise-0", "noise-1", "noise-2"]
    assert list(source.lengths) == [LENGTH] * 3
    for recording in (2, 0):
        check(source, recordings, recording, start, stop)


def test_motion_is_that_of_the_frames_in_the_shard_across_the_borders_of_samples(shards: Path) -> None:
    episode = ShardSource(shards).read(1, 0, LENGTH)
    assert episode.motion is not None
    assert np.allclose(episode.motion, brightness(np.asarray(episode.frames)), atol=0.01)
    assert episode.motion[TICKS - 1, 0] != 0  # the last of a sample sees the next


@pytest.mark.parametrize("stretch", [(3, 0, 1), (-1, 0, 1), (0, 5, 5), (0, -1, 3), (0, 40, 49)])
def test_ticks_that_are_not_there_are_an_index_error(shards: Path, stretch: tuple[int, int, int]) -> None:
    with pytest.raises(IndexError):
        ShardSource(shards).read(*stretch)


def test_a_pickled_source_reads_the_same(shards: Path) -> None:
    source = ShardSource(shards)
    first = source.read(0, 5, 9)
    again = pickle.loads(pickle.dumps(source)).read(0, 5, 9)  # noqa: S301
    assert np.array_equal(first.frames, again.frames)


def test_bad_recordings_are_named_and_passed_over(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    shutil.copytree(recordings, folder)
    (folder / "noise-1.mp4").write_bytes(b"no video")
    output = tmp_path / "out"
    status = main(["data", "shard", str(folder), "--output", str(output), "--size", "32", "32", "--sample-ticks", "16"])
    assert status == 1
    assert "noise-1" in capsys.readouterr().out
    source = ShardSource(output)
    assert list(source.names) == ["noise-0", "noise-2"]
    assert source.read(1, 0, LENGTH).motion is None


def test_the_models_motion_is_part_of_the_shard(recordings: Path, tmp_path: Path) -> None:
    from idm.config import motion_identity
    from idm.datamodule import with_motion
    from idm.model import motion_features
    from idm.sharding import read_config

    status = main(["data", "shard", str(recordings), "--output", str(tmp_path / "out"), "--model", "tiny"])
    assert status == 0
    config, source = read_config("tiny"), ShardSource(tmp_path / "out")
    assert source.manifest.motion == motion_identity(config)
    episode = source.read(0, 0, LENGTH)
    fresh = with_motion(replace(episode, motion=None), motion_features(config))
    assert np.array_equal(np.asarray(episode.motion), np.asarray(fresh.motion))


def test_finished_shards_are_not_written_over(shards: Path, recordings: Path) -> None:
    with pytest.raises(GhostkeysError, match="holds shards already"):
        write_shards(recordings, str(shards), OPTIONS)


def test_an_interrupted_writer_leaves_no_manifest_and_the_next_starts_clean(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import learning.shard_writer as writing

    output, encode, calls = tmp_path / "out", writing._encode, []

    def interrupted(path: Path, *rest: Any) -> Any:
        calls.append(path)
        if path.name.startswith("noise-2"):
            raise KeyboardInterrupt
        return encode(path, *rest)

    monkeypatch.setattr(writing, "_encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_shards(recordings, str(output), OPTIONS)
    assert calls
    with pytest.raises(RecordingError, match="has no manifest"):
        ShardSource(output)
    (output / "chunk-0-7.bin").write_bytes(b"left by a writer that was killed")
    monkeypatch.setattr(writing, "_encode", encode)
    write_shards(recordings, str(output), OPTIONS)
    assert not (output / "chunk-0-7.bin").exists()
    assert not [each for each in output.iterdir() if each.name.startswith(".staging")]
    check(ShardSource(output), recordings, 2, 0, LENGTH)


def test_a_stopped_writer_is_gone_on_with(recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was handed over is not encoded again, and all reads as from a writer that was not stopped."""
    import learning.shard_writer as writing

    monkeypatch.setattr(ShardOptions, "group_bytes", 1)  # each recording by itself
    output, encode, calls = tmp_path / "out", writing._encode, []

    def counted(path: Path, *rest: Any) -> Any:
        calls.append(path.name)
        if path.name.startswith("noise-2") and len(calls) < 4:
            raise KeyboardInterrupt
        return encode(path, *rest)

    monkeypatch.setattr(writing, "_encode", counted)
    options = replace(OPTIONS, workers=1)
    with pytest.raises(KeyboardInterrupt):
        write_shards(recordings, str(output), options)
    assert (output / "writing.json").exists()
    first = len(calls)
    report = write_shards(recordings, str(output), options)
    assert len(calls) - first < 3
    assert report.recordings == 3
    assert not (output / "writing.json").exists()
    source = ShardSource(output)
    for number in range(3):
        check(source, recordings, number, 0, LENGTH)


@pytest.mark.parametrize("change", ["options", "recording", "chunk", "note"])
def test_a_stopped_writer_of_something_else_begins_anew(
    change: str, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import learning.shard_writer as writing

    monkeypatch.setattr(ShardOptions, "group_bytes", 1)
    play = shutil.copytree(recordings, tmp_path / "play")
    output, encode = tmp_path / "out", writing._encode

    def stopped(path: Path, *rest: Any) -> Any:
        if path.name.startswith("noise-2"):
            raise KeyboardInterrupt
        return encode(path, *rest)

    monkeypatch.setattr(writing, "_encode", stopped)
    options = replace(OPTIONS, workers=1)
    with pytest.raises(KeyboardInterrupt):
        write_shards(play, str(output), options)
    if change == "options":
        options = replace(options, crf=30)
    elif change == "recording":
        (play / "noise-0.jsonl").touch()
    elif change == "chunk":
        (output / "chunk-0-0.bin").unlink()
    else:
        (output / "writing.json").write_text('{"format_version": 1, "options": [')
    encoded: list[str] = []

    def counted(path: Path, *rest: Any) -> Any:
        encoded.append(path.name)
        return encode(path, *rest)

    monkeypatch.setattr(writing, "_encode", counted)
    write_shards(play, str(output), options)
    assert len(encoded) == 3
    assert len(ShardSource(output).names) == 3


def test_many_chunks_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShardOptions, "group_bytes", 1)
    many = write_recordings(tmp_path / "many", 13, length=24)
    output = tmp_path / "out"
    write_shards(many, str(output), OPTIONS)
    source = ShardSource(output)
    assert len(list(output.glob("chunk-*.bin"))) == 13
    for number in (2, 9, 10, 12):
        check(source, many, number, 0, 24)


def changed(folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Changes manifest and index; the manifest goes on vouching for the index, as a hostile one would."""
    manifest, index = (json.loads((folder / name).read_text()) for name in (MANIFEST, INDEX))
    change(manifest, index)
    text = json.dumps(index).encode()
    manifest.setdefault("index_sha256", "")
    manifest["index_sha256"] = hashlib.sha256(text).hexdigest()
    (folder / INDEX).write_bytes(text)
    (folder / MANIFEST).write_text(json.dumps(manifest))


HOSTILE: dict[str, Callable[[dict[str, Any], dict[str, Any]], Any]] = {
    "pickles": lambda m, i: i["config"].update(data_format=["pickle"]),
    "pickled graphs": lambda m, i: i["config"].update(data_format=["graph:pickle"]),
    "another loader": lambda m, i: i["config"].update(item_loader="ParquetLoader"),
    "a tree": lambda m, i: i["config"].update(data_spec='[1, {"type": "builtins.dict", "children_spec": []}]'),
    "a file elsewhere": lambda m, i: i["chunks"][0].update(filename="../../etc/passwd"),
    "an absolute path": lambda m, i: i["chunks"][0].update(filename="/etc/passwd"),
    "a huge chunk": lambda m, i: i["chunks"][0].update(chunk_bytes=10**15),
    "more samples": lambda m, i: i["chunks"][0].update(chunk_size=10**9),
    "no chunks": lambda m, i: i.update(chunks=[]),
    "huge frames": lambda m, i: m.update(size=[10**6, 10**6]),
    "huge samples": lambda m, i: m.update(sample_ticks=10**9),
    "endless recordings": lambda m, i: m["recordings"][0].update(ticks=10**15),
    "text for a number": lambda m, i: m["recordings"][0].update(ticks="48"),
    "a list for a name": lambda m, i: m["recordings"][0].update(name=["x"]),
    "another format": lambda m, i: m.update(format_version=2),
    "motion of no features": lambda m, i: m.update(features=0),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_index_or_manifest_is_refused_before_anything_is_read(copy: Path, kind: str) -> None:
    changed(copy, HOSTILE[kind])
    with pytest.raises(RecordingError, match=r"manifest\.json|index\.json"):
        ShardSource(copy)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'{"a"', b"[" * 100_000, b"\xff\xfe"])
@pytest.mark.parametrize("name", [MANIFEST, INDEX])
def test_what_is_no_json_object_is_refused(copy: Path, name: str, text: bytes) -> None:
    (copy / name).write_bytes(text)
    with pytest.raises(RecordingError, match=name):
        ShardSource(copy)


def test_damaged_chunks_are_errors_of_one_line(copy: Path) -> None:
    source = ShardSource(copy)
    chunk = copy / "chunk-0-0.bin"
    whole = bytearray(chunk.read_bytes())
    rng = np.random.default_rng(0)
    failed = 0
    for _ in range(20):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 40):
            damaged[place] ^= int(rng.integers(1, 256))
        chunk.write_bytes(damaged)
        for recording in range(3):
            try:
                ShardSource(copy).read(recording, 0, LENGTH)
            except (RecordingError, VideoError):
                failed += 1
    assert failed
    chunk.unlink()
    with pytest.raises(RecordingError, match="cannot be read"):
        ShardSource(copy).read(0, 0, 1)
    assert source.names


def test_a_clip_decodes_any_part_of_itself() -> None:
    frames, _ = panned_noise(45, seed=3)
    clip = encode_clip(frames)
    whole = decode_clip(clip, 0, 45, length=45, size=SIZE, name="clip")
    for start, stop in ((0, 1), (19, 20), (20, 21), (39, 45), (44, 45)):
        part = decode_clip(clip, start, stop, length=45, size=SIZE, name="clip")
        assert np.array_equal(part, whole[start:stop])


@pytest.mark.parametrize(("length", "size"), [(44, SIZE), (45, (64, 64))])
def test_a_clip_that_is_not_as_announced_is_refused(length: int, size: tuple[int, int]) -> None:
    clip = encode_clip(panned_noise(45, seed=3)[0])
    with pytest.raises(VideoError, match="expected"):
        decode_clip(clip, 0, 1, length=length, size=size, name="clip")


def test_the_cache_stays_below_its_bound_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    cache = SampleCache(tmp_path, max_gb=1e-5)  # 10,000 bytes
    for number in range(50):
        cache.put(str(number), bytes(900))
        assert sum(path.stat().st_size for path in tmp_path.glob("*.sample")) <= 10_000
    assert cache.get("49") == bytes(900)
    assert cache.get("0") is None
    cache.put("large", bytes(20_000))
    assert cache.get("large") is None


@pytest.fixture(scope="module")
def bucket(s3: str, recordings: Path) -> str:
    url = f"{s3}/play/set"
    write_shards(recordings, url, OPTIONS, motion=FixedMotion("brightness", 1, brightness))
    return url


def test_shards_written_to_a_bucket_are_the_recordings(bucket: str, recordings: Path, tmp_path: Path) -> None:
    source = ShardSource(bucket, cache=tmp_path)
    for recording, start, stop in ((2, 15, 45), (0, 0, LENGTH), (2, 15, 45)):
        check(source, recordings, recording, start, stop)


def test_shards_copied_to_a_bucket_read_as_those_in_the_folder(
    s3: str, shards: Path, copy: Path, tmp_path: Path
) -> None:
    store = Bucket(f"{s3}/copy")
    for name in Folder(copy).names():
        store.take(copy / name)
    source, local = ShardSource(f"{s3}/copy", cache=tmp_path / "cache"), ShardSource(shards)
    for recording, start, stop in ((2, 15, 45), (0, 0, LENGTH)):
        assert np.array_equal(source.read(recording, start, stop).frames, local.read(recording, start, stop).frames)


def test_a_sample_is_fetched_once(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ShardSource(bucket, cache=tmp_path)
    first = source.read(1, 0, LENGTH)
    monkeypatch.setattr(ShardSource, "_fetch", lambda *_: pytest.fail("fetched again"))
    assert np.array_equal(ShardSource(bucket, cache=tmp_path).read(1, 0, LENGTH).frames, first.frames)


def test_a_damaged_sample_in_the_cache_is_fetched_anew(bucket: str, recordings: Path, tmp_path: Path) -> None:
    source = ShardSource(bucket, cache=tmp_path)
    source.read(0, 0, LENGTH)
    for path in tmp_path.glob("*.sample"):
        path.write_bytes(b"")
    check(source, recordings, 0, 0, LENGTH)


def _read_much(source: ShardSource, recordings: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(25):
        start = int(rng.integers(0, LENGTH - 10))
        check(source, recordings, int(rng.integers(0, 3)), start, start + 10)
        kept = 0
        for path in source._cache.folder.glob("*.sample") if source._cache else ():
            kept += path.stat().st_size if path.exists() else 0
        assert kept <= BOUND_GB * 1e9


BOUND_GB = 6e-5
"""Room for two or three of the nine samples."""


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_processes_share_one_bounded_cache(bucket: str, recordings: Path, tmp_path: Path, method: str) -> None:
    source = ShardSource(bucket, cache=tmp_path, cache_gb=BOUND_GB)
    source.read(0, 0, 5)  # opened in the parent as well
    context: Any = multiprocessing.get_context(method)
    processes = [context.Process(target=_read_much, args=(source, recordings, seed)) for seed in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert list(tmp_path.glob("*.sample"))


def test_finished_shards_in_a_bucket_are_not_written_over(bucket: str, recordings: Path) -> None:
    with pytest.raises(GhostkeysError, match="holds shards already"):
        write_shards(recordings, bucket, OPTIONS)


@pytest.mark.parametrize("place", ["gs://clips/set", "s3:///set", "http://x/y"])
def test_another_address_is_refused(place: str) -> None:
    with pytest.raises(GhostkeysError, match="s3://BUCKET/PREFIX"):
        ShardSource(place)


def test_a_bucket_that_is_not_there_is_an_error_of_one_line(s3: str, recordings: Path) -> None:
    with pytest.raises(GhostkeysError, match="NoSuchBucket"):
        write_shards(recordings, "s3://no-such-bucket/set", OPTIONS)
