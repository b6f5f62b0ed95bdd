"""`ghostkeys bench env` and the random play that it and the soak run measure with."""

import json
from pathlib import Path

import numpy as np
import pytest

import ghostkeys
from env.actions import MINERL_KEYS
from env.voxel.bench import SIZES
from env.voxel.environment import VoxelEnv
from env.voxel.random_play import RandomPlay


def test_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "env.json"
    assert ghostkeys.main(["bench", "env", "--ticks=2", "--worlds=1", "--rounds=1", f"--json={file}"]) == 0
    found = json.loads(file.read_text())
    assert set(found["ms_per_tick"]) == set(SIZES)
    assert all(ms > 0.0 for ms in found["ms_per_tick"].values())
    assert 0.0 < found["ratio_sparse"] < 1.0
    assert found["ratio_processes"] == pytest.approx(
        found["steps_per_second"]["two"] / found["steps_per_second"]["one"]
    )
    assert found["conditions"]["ticks"] == 2
    shown = capsys.readouterr().out
    assert f"{found['ms_per_tick']['vpt']:.2f} ms at vpt" in shown
    assert f"{found['start_seconds']:.2f} s to the first tick" in shown


def test_random_play_presses_everything_and_repeats() -> None:
    first, second = RandomPlay(1), RandomPlay(1)
    acts = [first.act() for _ in range(4000)]
    again = [second.act() for _ in range(4000)]
    assert all(set(act) == set(MINERL_KEYS) for act in acts)
    for name in MINERL_KEYS:
        assert np.array_equal([act[name] for act in acts], [act[name] for act in again])
        assert len({str(act[name]) for act in acts}) > 1, name


def test_random_play_opens_screens_and_looks_around() -> None:
    game, play = VoxelEnv((18, 32)), RandomPlay(0)
    game.reset(seed=0, options={"inventory": {"oak_log": 8}})
    opened, pitches = 0, []
    for _ in range(1500):
        game.advance(play.act())
        opened += game.game.screen is not None
        pitches.append(game.player.pitch)
    assert 0 < opened < 1400
    assert np.ptp(pitches) > 30.0
    assert np.abs(pitches).mean() < 45.0
