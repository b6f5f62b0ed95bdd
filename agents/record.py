"""Recordings of the scripted player: gameplay video whose keys and mouse are known.

Each recording is one episode in a world of its own, named after the style and the world's seed. What a recording holds
depends on its name and the settings alone, so an interrupted run, started again, ends as if it had never stopped, and a
longer run keeps what a shorter one has made. (Only x264 compresses pictures whose height 8 does not divide a little
differently from time to time.)
"""

import difflib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from agents.scripted import STYLES, ScriptedPlayer, Style
from agents.trial import check_scripted, try_out
from agents.workers import check_workers, counting, work
from env.errors import GhostkeysError, RecordingError
from env.files import remove_abandoned, write_json
from env.making import make_env
from env.processors import usable_processors
from env.video.encoding import check_size
from env.video.frames import probe
from env.video.ticks import TICKS_PER_SECOND
from env.wrappers import RecordEpisode

SETTINGS_FILE = "record.json"
"""In the folder of recordings: the settings they were made with."""
MAX_SEED = 2**31


@dataclass(frozen=True, kw_only=True)
class Session:
    """One recording to be made."""

    folder: Path
    style: str
    seed: int
    """Seed of the world and of the player."""
    env: str
    """A gymnasium id."""
    size: tuple[int, int]
    ticks: int

    @property
    def stem(self) -> str:
        """The name that video and actions share."""
        return f"{self.style}-{self.seed:06d}"

    @property
    def video(self) -> Path:
        """Where the video goes; it is the last file to appear."""
        return self.folder / f"{self.stem}.mp4"

    def reset_options(self) -> dict[str, Any]:
        """How the episode begins: looking in any direction, and in some episodes with something to build with."""
        style, rng = STYLES[self.style], np.random.default_rng([self.seed, 1])
        kit = _drawn_kit(style, rng) if rng.random() < style.kit_chance else {}
        return {"yaw": float(rng.uniform(-180.0, 180.0)), "inventory": kit}

    def play(self, *, advance: Callable[[int], object], stopped: Callable[[], bool]) -> None:
        """Plays and writes the recording; leaves nothing if `stopped` says so, or on any error."""
        game = make_env(self.env, size=self.size)
        player = ScriptedPlayer(self.style)
        with RecordEpisode(game, self.folder, self.stem) as episode:
            observation, _ = episode.reset(seed=self.seed, options=self.reset_options())
            player.reset(episode, seed=self.seed)
            for _ in range(self.ticks):
                if stopped():
                    raise KeyboardInterrupt
                observation, _, terminated, truncated, _ = episode.step(player.act(observation))
                advance(1)
                if terminated or truncated:
                    break


def record(
    output: Path,
    *,
    minutes: float | None = None,
    hours: float | None = None,
    player: Literal["scripted"] = "scripted",
    style: str = "gatherer",
    seed: int = 0,
    size: tuple[int, int] = (180, 320),
    episode_ticks: int | None = None,
    workers: int | None = None,
    env: str = "ghostkeys/Voxel-v0",
) -> list[Path]:
    """Lets a player play, and writes recordings (mp4 video and jsonl actions, as VPT's contractors made them).

    Recordings that are there already are kept, so the same command goes on where it was stopped, and one with more
    minutes adds to them. A folder with recordings of another environment, style, size or length is refused.

    Args:
        output: Folder for the recordings.
        minutes: How much play, rounded up to whole episodes; 10 if `hours` is not given either. An episode that ends
            early, by death or because the task of `env` is done, counts as a whole one.
        hours: The same in hours.
        player: Who plays. For `human`, see `ghostkeys record --player human --help`.
        style: How it plays: `gatherer` chops trees, `explorer` uses all keys of movement, `everyday` all 20 buttons and
            flicks of the view, `crafter` makes tools from the first log to a stone pickaxe, `miner` digs stairs and
            tunnels, `builder` puts up walls. Several, as in `everyday,everyday,crafter`, play in turn, an episode each.
        seed: World of the first episode; the next have the numbers after it.
        size: Height and width of the video.
        episode_ticks: Length of an episode, in ticks of 1/20 s; by default what the style needs to show itself, 1200
            for most and 6000 for `crafter` and `miner`; of several styles each has its own.
        workers: Processes, or 0 for none besides this one; by default as many as there are processors. The recordings
            do not depend on it.
        env: Gymnasium id of the environment.
    """
    styles = _styles(style)
    minutes = _minutes(minutes, hours)
    if episode_ticks is not None and episode_ticks < 1:
        raise GhostkeysError(f"--episode-ticks {episode_ticks}: expected 1 or more.")
    lengths = [STYLES[name].episode_ticks if episode_ticks is None else episode_ticks for name in styles]
    workers = usable_processors() if workers is None else workers
    check_workers(workers)
    check_size(Path("--size"), size)
    episodes = _episodes(max(1, round(minutes * 60 * TICKS_PER_SECOND)), lengths)
    if not 0 <= seed <= MAX_SEED - episodes:
        raise GhostkeysError(f"--seed {seed}: expected 0 to {MAX_SEED - episodes}.")
    sessions = [
        Session(folder=output, style=name, seed=seed + number, env=env, size=size, ticks=ticks)
        for number, (name, ticks) in zip(range(episodes), cycle(zip(styles, lengths, strict=True)), strict=False)
    ]
    settings = {
        "env": env,
        "style": ",".join(styles),
        "size": list(size),
        "episode_ticks": lengths if len(set(lengths)) > 1 else lengths[0],
    }
    remove_abandoned(output)
    missing = [session for session in sessions if not _is_made(session, settings)]
    if missing:
        _check_settings(output, settings)
        _check_env(missing[0])
        write_json(output / SETTINGS_FILE, settings)
    total, left = (sum(session.ticks for session in some) for some in (sessions, missing))
    with tqdm(total=total, initial=total - left, unit="tick", unit_scale=True, desc=f"record {style}") as bar:
        try:
            work([session.play for session in missing], workers=workers, advance=counting(bar))
        except OSError as error:
            raise RecordingError(f"{output}: cannot write recordings: {error.strerror or error}.") from error
    return [session.video for session in sessions]


def _styles(listed: str) -> list[str]:
    """The styles that are named, with commas between them; raises GhostkeysError for one that there is not."""
    styles = [name.strip() for name in listed.split(",")]
    for name in styles:
        if name not in STYLES:
            near = difflib.get_close_matches(name, STYLES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(STYLES)}."
            raise GhostkeysError(f"--style {listed}: there is no style {name!r}; {hint}")
    return styles


def _episodes(ticks: int, lengths: Sequence[int]) -> int:
    """How many episodes last so many ticks at least, if they have these lengths in turn."""
    rounds, rest = divmod(ticks, sum(lengths))
    starts = accumulate(lengths[:-1], initial=0)
    return rounds * len(lengths) + sum(start < rest for start in starts)


def _drawn_kit(style: Style, rng: np.random.Generator) -> dict[str, int]:
    """What an episode begins with: the whole kit, or some kinds of it in any order and number."""
    if style.kit_kinds is None:
        return dict(style.kit)
    kinds = rng.permutation(list(style.kit))[: rng.integers(*style.kit_kinds, endpoint=True)].tolist()
    return {kind: int(rng.integers(1, style.kit[kind], endpoint=True)) for kind in kinds}


def _check_env(session: Session) -> None:
    """Raises GhostkeysError for an environment that the scripted player cannot play."""
    game = make_env(session.env, size=session.size)
    try:
        check_scripted(game, session.env)
        try_out(game)
    finally:
        game.close()


def _check_settings(output: Path, settings: dict[str, Any]) -> None:
    """Raises RecordingError for a folder whose recordings were made with other settings, as far as it tells."""
    path = output / SETTINGS_FILE
    if not path.exists() or not any(output.glob("*.mp4")):
        return
    try:
        found = dict(json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise RecordingError(f"{path} is no list of settings: delete it, or choose another --output.") from None
    other = [
        f"--{name.replace('_', '-')} {found.get(name)} there, {value} here"
        for name, value in settings.items()
        if found.get(name) != value
    ]
    if other:
        raise RecordingError(
            f"{output} has recordings made with other settings: {'; '.join(other)}. Choose another --output, or the "
            "settings of then."
        )


def _minutes(minutes: float | None, hours: float | None) -> float:
    """How long to play, by whichever was given."""
    if minutes is not None and hours is not None:
        raise GhostkeysError(
            f"--minutes {minutes:g} and --hours {hours:g} both say how long to play: give one of them."
        )
    name, value = ("minutes", minutes) if hours is None else ("hours", hours)
    if value is None:
        return 10.0
    if not (math.isfinite(value) and value > 0):
        raise GhostkeysError(f"--{name} {value:g}: expected a number above 0.")
    return value if hours is None else 60.0 * value


def _is_made(session: Session, settings: dict[str, Any]) -> bool:
    """Whether the recording is there; an error if what is there was made with other settings."""
    if not session.video.exists():
        return False
    _check_settings(session.folder, settings)
    found = probe(session.video)
    if (found.height, found.width) != session.size or (found.frames or 0) > session.ticks:
        raise RecordingError(
            f"{session.video} has {found.frames} frames of {found.height}x{found.width}; expected at most "
            f"{session.ticks} of {session.size[0]}x{session.size[1]}. Choose another folder, or the settings of then."
        )
    return True
