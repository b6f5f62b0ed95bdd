"""Which recordings are held out: by the name of the session of play that they belong to, and nothing else."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from env.files import write_json
from learning.data import EpisodeSet

_BEGUN = re.compile(r"(?<=-\d{8})-\d{6}$")
"""At what time of a day a recording began, at the end of its name, as VPT's recorder writes it."""
NOTE = "held-out.json"
"""Keeps the session that was held out where no name asked for it."""


def session_of(name: str) -> str:
    """The session of play a recording belongs to: VPT's recorder cuts one into recordings of five minutes."""
    return _BEGUN.sub("", name)


def held_out(names: Sequence[str], *, share: float, seed: int, memory: Path | None = None) -> list[int]:
    """The recordings, by their numbers, that are for validation: about `share` of the sessions.

    A session's name alone decides, so that recordings that are added move no other to the other side. Where no name of
    a few sessions falls into the share, one session is taken all the same; it is noted in the folder `memory`, and
    stays held out there. Of a single session the last recordings are held out; of a single recording nothing is: that
    is split in time.
    """
    if share <= 0.0 or len(names) < 2:
        return []
    sessions = sorted({session_of(name) for name in names})
    if len(sessions) == 1:
        order = sorted(range(len(names)), key=lambda number: names[number])
        return sorted(order[-min(len(names) - 1, max(1, round(share * len(names)))) :])
    by_place = sorted(sessions, key=lambda session: _place(session, seed))
    chosen = {session for session in by_place[:-1] if _place(session, seed) < share}
    chosen |= _remembered(memory, seed) & set(sessions)
    if not chosen:
        chosen = {by_place[0]}
        if memory is not None:
            _remember(memory, seed, by_place[0])
    return [number for number, name in enumerate(names) if session_of(name) in chosen]


def _place(session: str, seed: int) -> float:
    """A number from 0 to 1 that a session's name and the seed make, evenly spread."""
    digest = hashlib.sha256(f"{seed} {session}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _remembered(memory: Path | None, seed: int) -> set[str]:
    try:
        noted = json.loads((memory / NOTE).read_text()) if memory is not None else {}
    except (OSError, ValueError):
        return set()
    found = noted.get(str(seed), []) if isinstance(noted, dict) else []
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()


def _remember(memory: Path, seed: int, session: str) -> None:
    memory.mkdir(parents=True, exist_ok=True)
    path = memory / NOTE
    try:
        noted = json.loads(path.read_text())
    except (OSError, ValueError):
        noted = {}
    write_json(path, {**(noted if isinstance(noted, dict) else {}), str(seed): [session]})


def split_episodes(
    episodes: EpisodeSet, *, validation_share: float, seed: int, memory: Path | None = None
) -> tuple[EpisodeSet, EpisodeSet]:
    """Splits whole sessions of play into training and validation, as `held_out` says; a single recording in time."""
    if len(episodes) == 1 and validation_share > 0:
        (episode,) = episodes
        cut = cut_in_time(len(episode), validation_share)
        rest = episode.part(cut, len(episode))
        return EpisodeSet((episode.part(0, cut),), episodes.skipped), EpisodeSet((rest,) if len(rest) else ())
    held = set(held_out([episode.name for episode in episodes], share=validation_share, seed=seed, memory=memory))
    return (
        EpisodeSet(tuple(each for number, each in enumerate(episodes) if number not in held), episodes.skipped),
        EpisodeSet(tuple(each for number, each in enumerate(episodes) if number in held)),
    )


def cut_in_time(length: int, validation_share: float) -> int:
    """Ticks of a single recording that are trained on; the rest is held out."""
    return max(1, round(length * (1.0 - validation_share)))
