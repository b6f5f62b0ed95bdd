"""Frames are exactly what the world, the seed and the actions make them, whoever draws them and wherever."""

import hashlib
from functools import partial

import cv2
import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv

import env  # noqa: F401  (registers the ghostkeys/* ids)
from env.voxel.environment import VoxelEnv
from env.voxel.picture.render import Renderer
from env.voxel.random_play import RandomPlay

KIT = {"oak_log": 12, "crafting_table": 1, "dirt": 30, "torch": 9, "apple": 3}


def test_vpt_is_the_whole_picture_resized_all_through_random_play() -> None:
    """Within one grey level of what `cv2.resize` makes of 640 x 360 pixels, by day and by night, screens included."""
    sparse, whole, game, screens = Renderer("vpt"), Renderer((360, 640)), VoxelEnv((18, 32)), 0
    for seed in range(3):
        play = RandomPlay(seed)
        game.reset(seed=seed, options={"inventory": KIT, "time_of_day": 6500 * seed})
        for tick in range(600):
            game.advance(play.act())
            if tick % 20 == 0:
                view = game.game.view()
                screens += view.screen is not None
                resized = cv2.resize(whole.render(game.world, view), (128, 128), interpolation=cv2.INTER_LINEAR)
                difference = np.abs(resized.astype(int) - sparse.render(game.world, view))
                assert difference.max() <= 1, (seed, tick)
    assert screens > 5


def test_equal_worlds_show_equal_frames_after_a_restore_and_beside_others() -> None:
    """Hashes of all frames: alone; from a snapshot taken by another environment; with a third world in between."""
    alone, resumed, other = VoxelEnv((36, 64)), VoxelEnv((36, 64)), VoxelEnv((36, 64))
    play = RandomPlay(4)
    acts = [play.act() for _ in range(120)]
    alone.reset(seed=9, options={"inventory": KIT})
    hashes = []
    for tick, act in enumerate(acts):
        if tick == 40:
            moment = alone.snapshot()
        hashes.append(hashlib.sha256(alone.step(act)[0]["pov"]).hexdigest())
    other.reset(seed=10)
    resumed.restore(moment)
    found = []
    for act in acts[40:]:
        other.step(acts[0])
        found.append(hashlib.sha256(resumed.step(act)[0]["pov"]).hexdigest())
    assert found == hashes[40:]
    assert len(set(hashes)) > 60


def test_a_vector_of_processes_plays_what_one_environment_plays() -> None:
    """Pictures and numbers come by shared memory; an episode that ends begins anew by itself."""
    make = partial(gymnasium.make, "ghostkeys/Voxel-v0", size=(36, 64), max_ticks=10, disable_env_checker=True)
    alone, play = make(), RandomPlay(0)
    vector = AsyncVectorEnv([make, make], shared_memory=True)
    try:
        first, _ = alone.reset(seed=5)
        together, _ = vector.reset(seed=[5, 6])
        assert vector.single_observation_space == alone.observation_space
        assert np.array_equal(together["pov"][0], first["pov"])
        assert not np.array_equal(together["pov"][0], together["pov"][1])
        for tick in range(12):
            act = play.act()
            both = {name: np.stack([value, value]) for name, value in act.items()}
            together, _, terminated, truncated, _ = vector.step(both)
            assert truncated.tolist() == [tick == 9] * 2
            assert not terminated.any()
            if tick < 10:
                first = alone.step(act)[0]
                assert np.array_equal(together["pov"][0], first["pov"])
                assert together["location_stats"]["yaw"][0] == first["location_stats"]["yaw"]
                assert together["inventory"]["air"][0] == 36
    finally:
        vector.close()
        alone.close()
