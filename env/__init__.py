"""The game: its actions, its recordings, its worlds."""

import gymnasium

from env.actions import BUTTONS, MINERL_KEYS, Actions, minerl_action_space
from env.camera import CameraQuantizer
from env.mapping import JointMapping, is_null
from env.recordings.keys import KeyTable
from env.recordings.recording import Recording, RecordingWriter, find_recordings, read_contractor_actions

__all__ = [
    "BUTTONS",
    "MINERL_KEYS",
    "Actions",
    "CameraQuantizer",
    "JointMapping",
    "KeyTable",
    "Recording",
    "RecordingWriter",
    "find_recordings",
    "is_null",
    "minerl_action_space",
    "read_contractor_actions",
]

gymnasium.register(id="ghostkeys/Voxel-v0", entry_point="env.voxel.environment:VoxelEnv")
gymnasium.register(
    id="ghostkeys/VoxelObtainStonePickaxe-v0",
    entry_point="env.voxel.environment:VoxelEnv",
    kwargs={"task": "stone_pickaxe", "max_ticks": 6000},
)
gymnasium.register(
    id="ghostkeys/VoxelObtainDiamondPickaxe-v0",
    entry_point="env.voxel.environment:VoxelEnv",
    kwargs={"task": "diamond_pickaxe", "max_ticks": 12000},
)
gymnasium.register(id="ghostkeys/MineRL-v0", entry_point="env.minerl.client:MineRLEnv", nondeterministic=True)
gymnasium.register(
    id="ghostkeys/MineRLObtainDiamondShovel-v0",
    entry_point="env.minerl.client:MineRLEnv",
    kwargs={"spec": "MineRLObtainDiamondShovel-v0", "task": "diamond_shovel", "max_ticks": 18000},
    nondeterministic=True,
)
