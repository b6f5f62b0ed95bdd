"""Videos and frames of the demo's report, each with what stands beneath it."""

from dataclasses import dataclass
from pathlib import Path

import figures
import numpy as np
import torch
from measured import POLICIES, evaluations

from env import Actions, Recording, find_recordings
from env.video.frames import probe, read_frames
from env.video.ticks import TICKS_PER_SECOND
from generator import Sampler
from generator import load as load_generator


@dataclass(frozen=True)
class Clip:
    """A video in the page; without `source` its place says why there is none."""

    title: str
    caption: str
    source: str = ""
    """A data URL."""
    width: int = 0
    height: int = 0


def labelled_clip(labels: Recording, truth: Recording, *, ticks: int = 300) -> Clip:
    """Fifteen seconds of a labelled video in which much is pressed."""
    start = figures.busiest_span(truth.actions.buttons, ticks)
    ticks = min(ticks, len(labels) - start)
    span = slice(start, start + ticks)
    right = float((labels.actions.buttons[span] == truth.actions.buttons[span]).all(axis=1).mean())
    width = 640
    frames = list(figures.labelled_clip(labels, truth, start=start, ticks=ticks, width=width))
    return Clip(
        title=f"Keys and mouse inferred from the held-out video {labels.name}",
        caption=(
            f"A held-out video ({labels.name}), which no model was trained on or calibrated with; the scripted player "
            f"plays in the embedded world. Chosen: the {in_seconds(ticks)} in which keys change most often. Under the "
            "picture, what the model inferred from the video alone, and what was really pressed; a red frame marks a "
            f"difference. All 20 keys are right in {right:.0%} of these ticks."
        ),
        source=figures.mp4(frames),
        width=width,
        height=len(frames[0]),
    )


def episode_clips(run: Path, name: str) -> list[Clip]:
    """The first success and the first failure of a player, as `evaluate` recorded them; a policy's of seed 0."""
    title = POLICIES[name][0]
    result = evaluations(run, title)[0]
    clips = []
    for reached, kind, file in ((True, "success", title), (False, "failure", f"{title}-failure")):
        found = [i for i, each in enumerate(result["results"]) if ("log" in each["milestones"]) == reached]
        if not found:
            clips.append(Clip(f"{title}: no {kind}", f"{title}: no {kind} in {result['episodes']} episodes."))
            continue
        episode = result["results"][found[0]]
        ending = (
            f"a log after {in_seconds(episode['milestones']['log'])}"
            if reached
            else f"no log in {in_seconds(episode['ticks'])}"
        )
        place = f"episode {found[0] + 1} of {result['episodes']}"
        caption = f"{title}: its first {kind}, {place}; {ending}."
        clips.append(_end_of(run / "videos" / f"{file}.mp4", f"{title}: first {kind}", caption))
    return clips


def _end_of(path: Path, title: str, caption: str, *, ticks: int = 200, width: int = 400) -> Clip:
    """The last ten seconds of an evaluation's video."""
    about = probe(path)
    height = 2 * round(about.height * width / about.width / 2)
    start = max(0, (about.frames or 0) - ticks)
    frames = (frame for _, frame in read_frames(path, size=(height, width), start=start))
    return Clip(title, caption, figures.mp4(frames), width, height)


def generated_frames(run: Path) -> dict[str, str]:
    """The generator's frames beside the real ones, and one start frame turned to both sides."""
    sampler = Sampler(load_generator(run / "generator"), steps=4)
    size, context = sampler.model.size, sampler.model.context
    recording = Recording.open(find_recordings([run / "heldout"])[0])
    ticks, every = 32, 4
    yaw = np.abs(recording.actions.camera[:, 1])
    # The span that turns most, but steadily: many ticks of a few degrees.
    turning = np.convolve(np.minimum(yaw, 4.0), np.ones(ticks), mode="valid")[context : len(recording) - ticks - 1]
    start = int(turning.argmax()) + context
    frames = recording.frames(start - context + 1, start + ticks + 1, size=size)
    past, real = frames[:context], frames[context:]
    own = sampler.sample(past, recording.actions[start : start + ticks], generator=torch.Generator().manual_seed(0))
    turn = Actions(np.zeros((16, 20), bool), np.full((16, 2), (0.0, 4.0), np.float32))
    turns = [
        sampler.sample(past, Actions(turn.buttons, turn.camera * side), generator=torch.Generator().manual_seed(0))
        for side in (-1, 1)
    ]
    return {
        "strip": figures.film_strip([("real", real), ("generated", own)], every=every),
        "strip_text": (
            f"{in_seconds(ticks)} of held-out play, a picture every {every} ticks, where {recording.name} turns most: "
            "above what came, below what the generator made of the start frame and the actions, going on from its own "
            "frames."
        ),
        "turn_strip": figures.film_strip([("left", turns[0]), ("right", turns[1])], every=2),
    }


def in_seconds(ticks: int) -> str:
    """A length of time, for people."""
    return f"{ticks / TICKS_PER_SECOND:.1f} seconds"
