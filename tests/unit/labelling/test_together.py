"""Several videos at once, decoded ahead, for one model: the labels are those of one video after another."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from env.errors import GhostkeysError
from idm.model import InverseDynamicsModel
from labelling import label_videos, read_labels, video_labeller
from labelling.inference import Inference
from labelling.prefetch import prefetch
from labelling.threads import work_in_threads
from labelling.work import Done, Failed, Progress, Report

MakeVideo = Callable[..., Path]


def random_frames(ticks: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (ticks, 32, 32, 3), dtype=torch.uint8, generator=generator)


def in_threads(*calls: Callable[[], object]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("together", [2, 4])
def test_labels_are_the_same(checkpoint: Path, make_video: MakeVideo, tmp_path: Path, together: int) -> None:
    videos = [make_video(f"{seed}.mp4", ticks, seed=seed) for seed, ticks in enumerate((140, 33, 75, 140, 5))]
    for output, settings in (("alone", {"workers": 0}), ("together", {"together": together})):
        report = label_videos(
            videos,
            checkpoint=checkpoint,
            output=tmp_path / output,
            progress=False,
            **settings,  # type: ignore[arg-type]
        )
        assert report.ticks == 140 + 33 + 75 + 140 + 5
    for video in videos:
        alone, shared = (
            read_labels(tmp_path / name / f"{video.stem}.labels.parquet") for name in ("alone", "together")
        )
        assert alone["attack"].to_pylist() == shared["attack"].to_pylist()
        np.testing.assert_allclose(alone["camera_yaw"], shared["camera_yaw"], atol=1e-3)


def test_a_bad_video_costs_only_itself(checkpoint: Path, make_video: MakeVideo, tmp_path: Path) -> None:
    videos = [make_video("a.mp4"), make_video("b.mp4"), make_video("c.mp4")]
    videos[1].write_bytes(b"no video")
    report = label_videos(videos, checkpoint=checkpoint, output=tmp_path / "out", together=2, progress=False)
    assert [result.status for result in report.videos] == ["done", "failed", "done"]


def test_processes_and_threads_exclude_one_another(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(GhostkeysError, match="together is 3"):
        label_videos([], checkpoint=checkpoint, output=tmp_path, together=3, workers=2)


def test_what_threads_ask_for_while_the_model_is_busy_is_one_batch(model: InverseDynamicsModel) -> None:
    inference = Inference(model)
    videos = {seed: random_frames(12, seed) for seed in range(3)} | {3: random_frames(9, 3)}
    batches: list[int] = []
    encode, free = model.encode, threading.Event()

    def slow(frames: torch.Tensor, motion: torch.Tensor | None, *, kept: slice) -> torch.Tensor:
        batches.append(len(frames))
        free.wait(10)
        return encode(frames, motion, kept=kept)

    answers: dict[int, torch.Tensor] = {}

    def ask(seed: int) -> None:
        answers[seed] = inference.encode(videos[seed], slice(1, 8))

    def release() -> None:
        deadline = time.monotonic() + 10
        while len(inference._waiting) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        free.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "encode", slow)
        in_threads(*(lambda seed=seed: ask(seed) for seed in videos), release)
    assert sum(batches) == 4
    assert 2 <= len(batches) <= 3  # the first alone; of the others, those of one length together
    for seed, frames in videos.items():
        with torch.inference_mode():
            torch.testing.assert_close(answers[seed], model.encode(frames[None], kept=slice(1, 8))[0, :, None])


def test_an_error_reaches_whoever_asked(model: InverseDynamicsModel) -> None:
    inference = Inference(model)
    with pytest.raises(RuntimeError):
        inference.read(torch.zeros(1, 8, 3))
    assert inference.read(torch.zeros(1, 8, 1, model.config.width)).buttons.shape == (1, 8, 20, 2)


def test_bfloat16_is_close(model: InverseDynamicsModel) -> None:
    frames = random_frames(24, 0)
    exact, half = Inference(model), Inference(model, precision="bfloat16")
    encoded = exact.encode(frames, slice(0, 24))
    rough = half.encode(frames, slice(0, 24))
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, encoded)
    torch.testing.assert_close(rough, encoded, atol=0.1, rtol=0.1)


def test_compiled_images_are_the_same(model: InverseDynamicsModel) -> None:
    frames = random_frames(24, 0)[None]
    with torch.inference_mode():
        expected = model.encode(frames)
        compiled = type(model)(model.config).eval()
        compiled.load_state_dict(model.state_dict())
        compiled.compile_images(backend="aot_eager")
        torch.testing.assert_close(compiled.encode(frames), expected, atol=1e-5, rtol=1e-4)


def test_prefetch_gives_everything_in_order_and_makes_only_so_much() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    found = []
    for number in prefetch(numbers(), depth=2):
        assert len(made) <= number + 5  # this one, two that wait, one that finds no place, one in the making
        found.append(number)
    assert found == list(range(20))


def test_prefetch_raises_after_what_was_good_and_ends_its_thread() -> None:
    before = threading.active_count()

    def broken() -> Iterator[int]:
        yield 1
        raise GhostkeysError("the file ends here.")

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(GhostkeysError, match="ends here"):
        next(items)
    endless = prefetch(iter(int, 1))
    assert next(endless) == 0
    endless.close()
    assert threading.active_count() == before


def test_decoding_ahead_changes_nothing(
    checkpoint: Path, make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, tables = make_video("clip.mp4", 140), []
    monkeypatch.setattr(video_labeller, "CHUNK_TICKS", 16)
    for depth in (0, 2):
        monkeypatch.setattr("labelling.engine.decoded_ahead", lambda _, depth=depth: depth)
        label_videos([video], checkpoint=checkpoint, output=tmp_path / f"{depth}", workers=0, progress=False)
        tables.append(read_labels(tmp_path / f"{depth}" / "clip.labels.parquet"))
    assert tables[0].equals(tables[1])


def test_threads_share_the_units() -> None:
    def work(unit: int, report: Report) -> int:
        if unit == 2:
            raise GhostkeysError("two is bad.")
        for _ in range(3):
            report(1)
        return unit * unit

    events = list(work_in_threads([1, 2, 3], [work, work], threads=2))
    assert sorted(e.result for e in events if isinstance(e, Done)) == [1, 9]
    assert [e for e in events if isinstance(e, Failed)] == [Failed(1, "two is bad.")]
    assert sum(e.ticks for e in events if isinstance(e, Progress)) == 6


@pytest.mark.parametrize("how", [GeneratorExit, KeyboardInterrupt, SystemExit])
def test_threads_stop_when_nobody_listens(how: type[BaseException]) -> None:
    """Work that would never end is left at its next report, whatever stops the run."""
    before = threading.active_count()

    def endless(unit: int, report: Report) -> int:
        while True:
            report(1)

    events = work_in_threads([1, 2], [endless], threads=2)
    assert isinstance(next(events), Progress)
    assert threading.active_count() == before + 2
    with pytest.raises(how):
        events.throw(how())
    assert threading.active_count() == before


def test_a_bug_in_a_thread_stops_the_run() -> None:
    def work(unit: int, report: Report) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(work_in_threads([1, 2], [work], threads=2))
