"""Many videos in several processes; started again, the work goes on where it stopped."""

import glob
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import cv2
import torch
from tqdm import tqdm

from env.errors import GhostkeysError
from env.processors import usable_processors
from env.video.frames import TICKS_PER_SECOND, probe
from idm.devices import choose_device, device_count
from idm.model import load
from labelling.inference import Inference, Precision
from labelling.jobs import VideoJob, plan_jobs
from labelling.labeller import Labeller
from labelling.processes import Event, Failed, Progress, work_here, work_in_processes
from labelling.provenance import Recipe, is_current
from labelling.report import LabelReport, VideoResult
from labelling.settings import LabelSettings
from labelling.source import FrameRate, expected_ticks
from labelling.threads import work_in_threads
from labelling.video_labeller import VideoLabeller


def label_videos(
    videos: Sequence[Path | str],
    *,
    checkpoint: Path | str,
    output: Path | str,
    fps: FrameRate = "auto",
    workers: int | None = None,
    window: int | None = None,
    batch: int = 4,
    recursive: bool = False,
    keep_prefix: bool = False,
    low_confidence: float = 0.01,
    device: str = "auto",
    together: int = 1,
    precision: Precision = "float32",
    compiled: bool = False,
    progress: bool = True,
) -> LabelReport:
    """Labels videos with the inverse dynamics model in the folder `checkpoint`: each one as `<stem>.labels.parquet`.

    `videos` are files, folders or patterns. A video already labelled in `output` by the same checkpoint and settings is
    skipped; one that cannot be read is passed over and reported, and so is one that is cut off, unless `keep_prefix`
    asks for the labels of its good part. Ticks that are all right with a probability below `low_confidence` are marked
    unusable. `workers` is the number of processes, by default one for each usable
    processor; 0 works in this process. `window` is how many ticks the model sees at once, by default as many as it was
    trained on. `device` is "auto", "cpu", "cuda" or a certain "cuda:1".

    For GPUs: `together` videos are decoded by threads of this one process, which share a model on every device, and
    what they need of it at the same time is one batch; `precision` "bfloat16" is faster and less exact; `compiled` lets
    torch.compile build the image network.

    Raises `CheckpointError`; `GhostkeysError` for videos that would share a label file; OSError when labels cannot be
    written. Whatever stops it, Ctrl-C included, leaves whole label files and no others.
    """
    started = time.monotonic()
    if workers is not None and workers < 0:
        raise GhostkeysError(f"workers is {workers}; expected 0 or more.")
    if together < 1 or (together > 1 and workers):
        raise GhostkeysError(f"together is {together}; expected 1, or more with no processes (workers) besides.")
    choose_device(device)
    checkpoint = Path(checkpoint)
    model = load(checkpoint)  # here, so that a bad checkpoint is one error rather than one in every worker
    settings = LabelSettings(
        fps=fps,
        window=window or model.config.window,
        batch=batch,
        precision=precision,
        keep_prefix=keep_prefix,
        low_confidence=low_confidence,
    )
    recipe = settings.recipe(checkpoint)
    jobs = plan_jobs(videos, Path(output), recursive=recursive)
    results = {job: _without_work(job, recipe) for job in jobs}
    todo = _longest_first([job for job in jobs if results[job] is None], settings.fps)
    clock = time.thread_time if together > 1 else time.process_time
    make_work = partial(_make_work, checkpoint, settings, recipe, device, compiled, clock)
    if together > 1:
        works = [make_work(number) for number in range(device_count(device))]
        events = work_in_threads(list(todo), works, threads=together)
    elif workers == 0:
        events = work_here(list(todo), make_work(0))
    else:
        events = work_in_processes(
            list(todo),
            partial(_make_work_alone, make_work),
            workers=workers or usable_processors(),
            clean_up=_remove_temporary_files,
        )
    with closing(events):
        for result in _follow(events, todo, progress=progress):
            results[VideoJob(result.video, result.labels)] = result
    return LabelReport([result for result in results.values() if result], time.monotonic() - started)


def _without_work(job: VideoJob, recipe: Recipe) -> VideoResult | None:
    """The result of a video that is labelled already."""
    if is_current(job.labels, job.video, recipe):
        return VideoResult(video=job.video, labels=job.labels, status="skipped")
    return None


def _longest_first(jobs: Sequence[VideoJob], fps: FrameRate) -> dict[VideoJob, int]:
    """Jobs with their expected ticks; the longest first, so that the processes finish together."""
    ticks = {}
    for job in jobs:
        try:
            ticks[job] = expected_ticks(probe(job.video), fps=fps)
        except (GhostkeysError, OSError):  # reading it will fail too, and say why
            ticks[job] = 0
    return dict(sorted(ticks.items(), key=lambda item: -item[1]))


def _make_work(
    checkpoint: Path,
    settings: LabelSettings,
    recipe: Recipe,
    device: str,
    compiled: bool,
    clock: Callable[[], float],
    number: int,
) -> VideoLabeller:
    """What worker `number` labels videos with."""
    model = load(checkpoint).to(choose_device(device, number))
    inference = Inference(model, precision=settings.precision, compiled=compiled)
    labeller = Labeller(inference, window=settings.window, batch=settings.batch)
    return VideoLabeller(labeller, settings, recipe, ahead=decoded_ahead(inference.device), clock=clock)


def _make_work_alone(make_work: Callable[[int], VideoLabeller], number: int) -> VideoLabeller:
    """The same in a process of its own, which keeps to one thread: the others use the other processors."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    return make_work(number)


def decoded_ahead(device: torch.device) -> int:
    """Chunks of frames that wait for the model: a GPU need not idle meanwhile, a processor would share itself."""
    return 0 if device.type == "cpu" else 2


def _follow(
    events: Iterator[Event[VideoResult]], todo: dict[VideoJob, int], *, progress: bool
) -> Iterator[VideoResult]:
    """The results, as they come; shows the ticks done, their rate, and how many times real time that is."""
    jobs = list(todo)
    left = list(todo.values())
    with tqdm(total=sum(left), unit="frame", desc="labelling", smoothing=0.05, disable=not progress) as bar:
        for event in events:
            if bar.n == 0:
                bar.unpause()  # starting the processes is not labelling
            if isinstance(event, Progress):
                left[event.unit] -= event.ticks
                bar.update(event.ticks)
                rate = bar.format_dict["rate"] or 0.0
                bar.set_postfix_str(f"{rate / TICKS_PER_SECOND:.1f}x real time", refresh=False)
                continue
            bar.total = (bar.total or 0) - left[event.unit]  # ticks its container promised in vain
            if isinstance(event, Failed):
                job = jobs[event.unit]
                yield VideoResult(video=job.video, labels=job.labels, status="failed", reason=event.reason)
            else:
                yield event.result


def _remove_temporary_files(job: VideoJob) -> None:
    """What a killed process had begun to write."""
    for path in job.labels.parent.glob(f".{glob.escape(job.labels.name)}.tmp-*"):
        path.unlink(missing_ok=True)
