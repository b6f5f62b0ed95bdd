from dataclasses import replace
from pathlib import Path

import pytest

from learning.data import EpisodeSet
from learning.split import held_out, session_of, split_episodes
from tests.unit.idm.clips import make_episode


def names_of(players: int) -> list[str]:
    """Three recordings of five minutes each of a session of every player."""
    return [f"player{player}-20220421-09{minute:02}00" for player in range(players) for minute in (0, 5, 10)]


def sessions(names: list[str], numbers: list[int]) -> set[str]:
    return {session_of(names[number]) for number in numbers}


def test_pieces_of_one_session_stay_on_one_side() -> None:
    """Contractors' sessions are cut into recordings of five minutes: neighbours show the same world and player."""
    names = names_of(6)
    for seed in range(20):
        held = held_out(names, share=0.3, seed=seed)
        rest = [number for number in range(len(names)) if number not in held]
        assert held
        assert rest
        assert not sessions(names, held) & sessions(names, rest)


def test_the_share_is_about_what_was_asked_for() -> None:
    names = names_of(400)
    assert 0.2 < len(held_out(names, share=0.25, seed=0)) / len(names) < 0.3


@pytest.mark.parametrize("players", [2, 3, 20])
def test_recordings_that_are_added_move_none_to_the_other_side(players: int, tmp_path: Path) -> None:
    """With few sessions as well, where no name may fall into the share at first."""
    few, many = names_of(players), names_of(players + 60)
    for seed in range(20):
        first = sessions(few, held_out(few, share=0.1, seed=seed, memory=tmp_path))
        later = sessions(many, held_out(many, share=0.1, seed=seed, memory=tmp_path))
        assert later & set(map(session_of, few)) == first


def test_of_a_single_session_the_last_recordings_are_held_out() -> None:
    names = [f"a-20220421-09{minute:02}00" for minute in (5, 0, 15, 10)]
    assert held_out(names, share=0.25, seed=3) == [2]


def test_what_was_noted_may_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "held-out.json").write_text('{"0": 3, ')
    assert held_out(names_of(2), share=0.001, seed=0, memory=tmp_path)


def test_one_recording_is_split_in_time() -> None:
    training, validation = split_episodes(EpisodeSet((make_episode(20, seed=0),)), validation_share=0.25, seed=0)
    assert (training.ticks, validation.ticks) == (15, 5)
    assert validation[0].start == 15


def test_without_a_share_nothing_is_held_out() -> None:
    episodes = EpisodeSet(tuple(replace(make_episode(20, seed=1), name=name) for name in names_of(2)))
    training, validation = split_episodes(episodes, validation_share=0.0, seed=0)
    assert (len(training), len(validation)) == (6, 0)
