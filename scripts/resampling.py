"""What it costs that video has another frame rate than the game: the same play at many rates, labelled and scored.

The embedded world is stepped at 20 ticks a second by the scripted player, in worlds that are never trained on. A
display shows it in one of two ways: `held`, each tick's picture until the next (the capture of a 20-fps stream), with
ticks that begin on a frame or half a tick off; or `live`, drawn between ticks with eye, view and hand moved in
proportion (as the real game does). What is shown is recorded at the display's rate as H.264 with B-frames in Matroska,
as screen recorders do. Each rule then gives the 20 frames a second that a model labels. Videos are kept under
`--output`, scores too.

    python scripts/resampling.py --checkpoint runs/demo/idm --output runs/resampling
    python scripts/resampling.py --checkpoint runs/demo/idm --output runs/resampling --quick      two rates, 10 seconds
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import gymnasium
import jsonargparse
import numpy as np
from numpy.typing import NDArray

import env  # noqa: F401  (registers the ghostkeys/* ids)
from agents.record import Session
from agents.scripted import ScriptedPlayer
from env.actions import Actions
from env.files import atomic_path, write_json
from env.video.frames import FrameReader
from env.video.held import tick_phases
from env.video.table import FrameTable, frame_table
from env.video.ticks import TICKS_PER_SECOND, TIME_TOLERANCE, ticks_of
from env.voxel.environment import VoxelEnv
from env.voxel.picture.render import Renderer
from env.voxel.rules.view import View
from idm.metrics import Scores, score
from idm.model import InverseDynamicsModel, load

SIZE = (180, 320)
SEED = 5000
"""The first world; training has smaller numbers."""
RATES = (24, 25, 30, 50, 60, 144, 0)
"""Frames a second; 0 for about 57 with unsteady times, one frame in twenty dropped."""
SHIFTS = range(-3, 4)
"""Ticks by which labels may be late as a whole: a video does not say when its first tick began."""


@dataclass(frozen=True)
class Display:
    """How play is shown."""

    live: bool
    rate: int
    phase: float = 0.0
    """Ticks of the game that have passed at the first frame."""

    @property
    def name(self) -> str:
        """For files and tables."""
        kind = "live" if self.live else f"held{self.phase:+.1f}" if self.phase else "held"
        return f"{kind}-{self.rate or 'variable'}"

    def times(self, seconds: float) -> NDArray[np.float64]:
        """When the frames are shown, from 0."""
        if self.rate:
            return np.arange(int(seconds * self.rate), dtype=np.float64) / self.rate
        rng = np.random.default_rng(SEED)
        times = (np.arange(int(seconds * 60)) + rng.uniform(-0.4, 0.4, int(seconds * 60))) / 60
        times = times[rng.random(len(times)) > 0.05]
        since_first: NDArray[np.float64] = times - times[0]
        return since_first


@dataclass(frozen=True)
class Play:
    """One episode: what each tick's frame shows, and the action taken at it."""

    session: Session
    views: list[View]
    taken: list[Any]

    @classmethod
    def of(cls, seed: int, ticks: int) -> "Play":
        """Plays the world of a seed."""
        session = Session(
            folder=Path(), style="explorer", seed=seed, env="ghostkeys/Voxel-v0", size=(36, 64), ticks=ticks
        )
        world = _world(session)
        player = ScriptedPlayer(session.style)
        observation, _ = world.reset(seed=seed, options=session.reset_options())
        player.reset(world, seed=seed)
        views, taken = [], []
        for _ in range(ticks):
            views.append(world.game.view())
            taken.append(player.act(observation))
            observation, *_ = world.step(taken[-1])
        return cls(session, [*views, world.game.view()], taken)

    def pictures(self, clock: NDArray[np.float64], *, live: bool) -> Iterator[NDArray[np.uint8]]:
        """What is shown at each moment of the game's clock, (N,) rising ticks: uint8 (H, W, 3)."""
        world = _world(self.session)
        world.reset(seed=self.session.seed, options=self.session.reset_options())
        renderer, drawn = Renderer(SIZE), -1.0
        picture = np.zeros((*SIZE, 3), np.uint8)
        for moment in clock if live else np.floor(clock):
            while world.tick < int(moment):
                world.advance(self.taken[world.tick])
            if moment != drawn:
                view, following = self.views[world.tick : world.tick + 2]
                picture = renderer.render(world.world, between(view, following, share=moment - world.tick))
                drawn = moment
            yield picture


def _world(session: Session) -> VoxelEnv:
    return cast("VoxelEnv", gymnasium.make(session.env, size=session.size, disable_env_checker=True).unwrapped)


def between(before: View, after: View, *, share: float) -> View:
    """The view drawn between two ticks. Blocks, items and screens change with the tick."""
    names = ("pitch", "fov", "bob_phase", "bob_amount", "equip") + ("swing",) * (after.swing > before.swing)
    moved = {name: (1 - share) * getattr(before, name) + share * getattr(after, name) for name in names}
    turn = (after.yaw - before.yaw + 180.0) % 360.0 - 180.0
    x, y, z = ((1 - share) * a + share * b for a, b in zip(before.eye, after.eye, strict=True))
    return replace(before, eye=(x, y, z), yaw=before.yaw + share * turn, **moved)


def write(path: Path, frames: Iterator[NDArray[np.uint8]], times: NDArray[np.float64]) -> None:
    """H.264 with B-frames in Matroska, each frame with its own time stamp (in ms)."""
    with atomic_path(path) as temporary, av.open(str(temporary), "w", format="matroska") as container:
        stream: Any = container.add_stream("libx264", rate=round(1 / np.diff(times).mean()))
        stream.options = {"crf": "20", "preset": "veryfast", "threads": "1"}
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for frame, time in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def last_due(table: FrameTable) -> NDArray[np.int64]:
    """The rule before: tick k shows the last frame that is due at k/20 s."""
    due = np.arange(math.ceil((table.end - TIME_TOLERANCE) * TICKS_PER_SECOND)) / TICKS_PER_SECOND
    return np.searchsorted(table.seconds - TIME_TOLERANCE, due, side="right") - 1


def best(found: Actions, true: Actions) -> Scores:
    """Scores at the shift of whole ticks that suits the turns best."""
    scores = []
    for shift in SHIFTS:
        start, stop = max(-shift, 0) + 1, min(len(found), len(true) - shift) - 1
        scores.append(score(found[start:stop], true[start + shift : stop + shift]))
    return max(scores, key=lambda s: s.camera_r2["yaw"] + s.camera_r2["pitch"])


def measure(model: InverseDynamicsModel, video: Path, true: Actions) -> dict[str, Scores]:
    """Scores by rule; those of ticks found in a held picture only where the picture is held."""
    table = frame_table(video)
    reader = FrameReader(video)

    def label(numbers: NDArray[np.int64]) -> Actions:
        frames = reader.read(numbers, size=model.config.frame_size, interpolation=model.config.interpolation)
        return model.predict(frames).actions

    nearest, phases = ticks_of(table.seconds, table.end), tick_phases(video, table.seconds)
    found = {"last due": label(last_due(table)), "nearest": label(nearest.frames)}
    if phases is not None:
        found["held"] = label(ticks_of(table.seconds, table.end, phases=phases).frames)
    return {rule: best(actions, true) for rule, actions in found.items()}


def main(checkpoint: Path, output: Path, quick: bool = False, seconds: int = 60, episodes: int = 1) -> None:
    """Measures resampling.

    Args:
        checkpoint: Folder of the trained inverse dynamics model.
        output: Folder for the videos and the scores.
        quick: Only 30 and 60 frames a second, 10 seconds of each.
        seconds: How long each video is.
        episodes: Worlds played.
    """
    model = load(checkpoint)
    ticks = TICKS_PER_SECOND * (10 if quick else seconds)
    rates = (30, 60) if quick else RATES
    displays = [Display(False, 20)]
    for rate in rates:
        displays += [Display(False, rate), Display(False, rate, 0.5), Display(True, rate)]
    folder = output / f"{ticks}-ticks"
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in range(SEED, SEED + episodes):
        play = Play.of(seed, ticks)
        true = Actions.from_minerl(play.taken)
        for display in displays:
            video = folder / f"{display.name}-{seed}.mkv"
            if not video.exists():
                times = display.times((ticks - 2) / TICKS_PER_SECOND)
                clock = times * TICKS_PER_SECOND + display.phase + 1e-6
                write(video, play.pictures(clock, live=display.live), times)
            for rule, scores in measure(model, video, true).items():
                r2 = scores.camera_r2
                print(
                    f"{display.name:20}{rule:24}F1 {scores.macro_f1:.3f}  R² pitch {r2['pitch']:6.3f}"
                    f"  yaw {r2['yaw']:6.3f}",
                    flush=True,
                )
                results.append({**asdict(display), "seed": seed, "rule": rule, **scores.to_dict()})
            write_json(output / "scores.json", {"scores": results})


if __name__ == "__main__":
    jsonargparse.auto_cli(main, as_positional=False)
