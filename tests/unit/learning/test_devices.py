"""Devices by name: what there is, and one line for what there is not."""

import pytest
import torch

from env.errors import GhostkeysError
from learning.devices import choose_device, devices


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without any accelerator."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def with_gpus(machine: pytest.MonkeyPatch, count: int) -> None:
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "device_count", lambda: count)


def test_auto_takes_the_best_there_is(machine: pytest.MonkeyPatch) -> None:
    assert choose_device("auto") == torch.device("cpu")
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("mps")
    with_gpus(machine, 2)
    assert choose_device("auto") == torch.device("cuda", 0)


def test_those_who_share_gpus_take_turns_unless_one_is_named(machine: pytest.MonkeyPatch) -> None:
    with_gpus(machine, 2)
    assert [choose_device("cuda", number).index for number in range(4)] == [0, 1, 0, 1]
    assert [choose_device("cuda:1", number).index for number in range(4)] == [1, 1, 1, 1]
    assert devices() == ["cuda", "cuda:0", "cuda:1", "cpu"]


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_not_there_is_one_line_with_those_that_are(machine: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(GhostkeysError, match=f"--device {name}: this machine has no such device; it has cpu."):
        choose_device(name)


def test_a_gpu_beyond_the_last_is_not_there(machine: pytest.MonkeyPatch) -> None:
    with_gpus(machine, 2)
    with pytest.raises(GhostkeysError, match="it has cuda, cuda:0, cuda:1, cpu"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["gpu0", "gpu", "", "cuda:", "cuda:-1", "meta", "CPU", "cuda:1.5"])
def test_other_names_are_refused(machine: pytest.MonkeyPatch, name: str) -> None:
    with_gpus(machine, 2)
    with pytest.raises(GhostkeysError, match="expected auto, cpu, cuda"):
        choose_device(name)
