"""Many videos in several processes; started again, the work goes on where it stopped."""

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch
from tqdm import tqdm

from env.errors import one_line
from env.files import check_writable, remove_abandoned
from env.processors import usable_processors
from env.video.frames import probe
from env.video.ticks import TICKS_PER_SECOND, FrameRate
from idm.model import load
from labelling.inference import Inference
from labelling.jobs import VideoJob, plan_jobs
from labelling.labeller import Labeller
from labelling.options import LabelOptions
from labelling.processes import work_in_processes
from labelling.provenance import Recipe, is_current
from labelling.report import LabelReport, VideoResult
from labelling.threads import work_in_threads
from labelling.video_labeller import VideoLabeller
from labelling.video_length import expected_ticks
from labelling.work import Event, Failed, Progress, work_here
from learning.devices import choose_device, device_count
from learning.precision import fastest_precision

log = logging.getLogger(__name__)

SILENT_SECONDS = 2.0
"""How long videos are compared with their label files before a bar is shown."""


def label_videos(
    videos: Sequence[Path | str] | Path | str,
    *,
    checkpoint: Path | str,
    output: Path | str,
    options: LabelOptions | None = None,
    progress: bool = True,
    **keywords: Any,
) -> LabelReport:
    """Labels videos with the inverse dynamics model in the folder `checkpoint`: each one as `<stem>.labels.parquet`.

    `videos` are files, folders or patterns. How they are labelled is said by `options`, or by its fields as keywords
    (see `LabelOptions`): `label_videos(videos, checkpoint=..., output=..., fps="native", workers=2)`. `progress` shows
    a bar.

    A video already labelled in `output` by the same checkpoint and options is skipped; one that cannot be read is
    passed over and reported, and so is one that is cut off, unless `keep_prefix` asks for the labels of its good part.

    Raises `CheckpointError`; `GhostkeysError` for options that make no sense, videos that would share a label file, and
    an `output` that cannot be written to; OSError on a full disk. Whatever stops it, Ctrl-C included, leaves whole
    label files and no others.
    """
    started = time.monotonic()
    options = replace(options or LabelOptions(), **keywords)
    options = _with_precision(options)
    checkpoint = Path(checkpoint)
    model = load(checkpoint)  # here, so that a bad checkpoint is one error rather than one in every worker
    options = options.filled_in(model)
    recipe = options.recipe(checkpoint)
    names = [videos] if isinstance(videos, str | os.PathLike) else videos
    jobs = plan_jobs(names, Path(output), recursive=options.recursive)
    results = {job: _result_before(job, recipe) for job in _checking(jobs, progress=progress)}
    todo = _longest_first([job for job, result in results.items() if result is None], options.fps)
    folders = sorted({job.labels.parent for job in todo})
    for folder in folders:
        check_writable(folder)
        remove_abandoned(folder)
    with closing(_work(list(todo), checkpoint, options, recipe)) as events:
        for result in _follow(events, todo, progress=progress):
            results[VideoJob(result.video, result.labels)] = result
    return LabelReport(
        [result for result in results.values() if result],
        time.monotonic() - started,
        low_confidence=options.low_confidence,
    )


def _with_precision(options: LabelOptions) -> LabelOptions:
    """The options with a precision that was chosen, if that was left to the machine. Raises GhostkeysError."""
    device = choose_device(options.device)
    if options.precision != "auto":
        return options
    precision, why = fastest_precision(device)
    log.info("precision %s: %s.", precision, why)
    return replace(options, precision=precision)


def _checking(jobs: Sequence[VideoJob], *, progress: bool) -> Iterator[VideoJob]:
    """The jobs; shows a bar while they are gone through if that takes long, as where many videos were touched."""
    return iter(tqdm(jobs, desc="checking", unit="video", leave=False, delay=SILENT_SECONDS, disable=not progress))


def _result_before(job: VideoJob, recipe: Recipe) -> VideoResult | None:
    """The result of a video that is labelled already, None for one to label."""
    if is_current(job.labels, job.video, recipe):
        return VideoResult(video=job.video, labels=job.labels, status="skipped")
    return None


def _longest_first(jobs: Sequence[VideoJob], fps: FrameRate) -> dict[VideoJob, int]:
    """Jobs with their expected ticks; the longest first, so that the processes finish together."""
    ticks = {job: _expected_ticks(job.video, fps) for job in jobs}
    return dict(sorted(ticks.items(), key=lambda item: -item[1]))


def _expected_ticks(video: Path, fps: FrameRate) -> int:
    """What the container says; 0 where it cannot be read, whatever a hostile file makes of its decoder."""
    try:
        return expected_ticks(probe(video), fps=fps) if video.is_file() else 0
    except Exception:  # labelling it will fail too, and say why
        return 0


def _work(
    jobs: Sequence[VideoJob], checkpoint: Path, options: LabelOptions, recipe: Recipe
) -> Generator[Event[VideoResult]]:
    """Labels the videos in threads, in this process or in several, as the options say."""
    clock = time.thread_time if options.together > 1 else time.process_time
    make_work = partial(_make_work, checkpoint, options, recipe, clock)
    if options.together > 1:
        works = [make_work(number) for number in range(device_count(options.device))]
        return work_in_threads(jobs, works, threads=options.together)
    if options.workers == 0:
        return work_here(jobs, make_work(0))
    return work_in_processes(
        jobs,
        partial(_make_work_alone, make_work),
        workers=options.workers or usable_processors(),
        clean_up=lambda job: remove_abandoned(job.labels.parent),
    )


def _make_work(
    checkpoint: Path, options: LabelOptions, recipe: Recipe, clock: Callable[[], float], number: int
) -> VideoLabeller:
    """What worker `number` labels videos with."""
    model = load(checkpoint).to(choose_device(options.device, number))
    assert options.precision != "auto", "chosen before the work is dealt out"
    inference = Inference(model, precision=options.precision, compiled=options.compiled, mirrored=options.mirror)
    labeller = Labeller(inference, window=options.window or model.config.window, batch=options.batch)
    return VideoLabeller(labeller, options, recipe, ahead=decoded_ahead(inference.device), clock=clock)


def _make_work_alone(make_work: Callable[[int], VideoLabeller], number: int) -> VideoLabeller:
    """As `make_work`, in a process that keeps to one thread: the others use the other processors."""
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
                yield _failed(jobs[event.unit], event.reason)
            else:
                yield event.result


def _failed(job: VideoJob, reason: str) -> VideoResult:
    """The result of a video that could not be labelled; the reason names the video."""
    name = one_line(str(job.video))
    reason = reason if name in reason else f"{name}: {reason}"
    return VideoResult(video=job.video, labels=job.labels, status="failed", reason=reason)
