"""`ghostkeys bench policy`: with memory and in batches a policy gives the same, for less work."""

from dataclasses import replace

import pytest
import torch

from agents import PolicyConfig
from agents.bench import measure, random_policy, table

CONFIG = replace(PolicyConfig.vpt(1), size=(32, 32), width=64, depth=2, heads=4, memory=16)


def test_memory_and_batches_change_nothing_but_the_work() -> None:
    torch.manual_seed(0)
    found = measure(random_policy(CONFIG), envs=3, past=8, rounds=1)
    assert found.difference_memory < 1e-4
    assert found.difference_batch < 1e-4
    assert found.frames_per_second == pytest.approx(1 / found.seconds_per_frame)
    assert found.memory_mb_per_env == pytest.approx(2 * 16 * (2 * 64 * 4 + 1) / 1e6)
    assert "3 environments as a batch" in table(found)
