"""Two processes train one model together, over gloo on the CPU, as GPUs would; and runs with accumulated gradients."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from generator import DiTConfig, GeneratorConfig, VAEConfig
from learning.callbacks import AGREE_EVERY
from learning.checkpoint import Kind, load_checkpoint, read_metadata
from tests.unit.idm.clips import write_recordings
from tests.unit.idm.test_training import NETWORK

STEPS = 4
POLICY = {"size": [8, 8], "channels": [4, 8], "features": 16, "width": 16, "depth": 1, "heads": 2, "memory": 8}
SMALL = GeneratorConfig(
    vae=VAEConfig(size=(16, 32), patch=4, latent_channels=8, width=32, heads=2, encoder_depth=1, decoder_depth=1),
    dit=DiTConfig(patch=2, width=32, depth=1, heads=2, context=2),
)
Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("recordings"), 3)


def config_of(kind: Kind, recordings: Path) -> dict[str, object]:
    """A small run of each kind, without randomness that depends on the process."""
    trainer = {"max_steps": STEPS, "val_check_interval": 2, "accelerator": "cpu", "gradient_clip_val": None}
    data: dict[str, object] = {"root": str(recordings)}
    if kind == "idm":
        model: dict[str, object] = {"network": {**NETWORK, "dropout": 0.0}, "flip": False, "warmup_steps": 1}
        data["batch_size"] = 4
    elif kind == "policy":
        model = {"policy": POLICY, "warmup_steps": 1}
        data |= {"chunk": 8, "slots": 4, "run": 20}
    else:
        model = {"config": SMALL.to_dict(), "vae_steps": 2, "warmup_steps": 1}
        data["batch_size"] = 4
    return {"model": model, "data": data, "trainer": trainer}


COMMANDS: dict[Kind, list[str]] = {
    "idm": ["idm", "fit"],
    "policy": ["agent", "fit"],
    "generator": ["generator", "fit"],
}


@pytest.fixture
def start(recordings: Path, tmp_path: Path) -> Run:
    """Starts a training of one or two processes in a folder below tmp_path."""

    def started(
        kind: Kind, output: str, *more: str, processes: int = 1, strategy: str = "ddp"
    ) -> "subprocess.Popen[str]":
        config = tmp_path / f"{kind}.yaml"
        config.write_text(yaml.safe_dump(config_of(kind, recordings)))
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        together = ["--trainer.devices", str(processes), "--trainer.strategy", strategy]
        arguments = ["-m", "ghostkeys", *COMMANDS[kind], "--config", str(config), "--output", str(tmp_path / output)]
        command = [sys.executable, *(launcher if processes > 1 else []), *arguments, *more]
        return subprocess.Popen(
            command + (together if processes > 1 else []),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return started


def finish(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return output


def weights(folder: Path, kind: Kind) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder, kind)[1]


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max((one[name].double() - other[name].double()).abs().max().item() for name in one if one[name].numel())


STREAM = ("--data.frames", "stream", "--data.workers", "1")
CLIP = ("--trainer.gradient_clip_val", "0.1")


def saved(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a run's saved state, by its place there."""
    found: dict[str, torch.Tensor] = {}

    def collect(value: object, place: str) -> None:
        if isinstance(value, torch.Tensor):
            found[place] = value
        elif isinstance(value, dict | list):
            for name, each in value.items() if isinstance(value, dict) else enumerate(value):
                collect(each, f"{place}/{name}")

    collect(torch.load(folder / "last.ckpt", map_location="cpu", weights_only=True), "")
    return found


@pytest.mark.parametrize(
    ("kind", "size", "strategy", "more"),
    [
        ("idm", "data.batch_size", "ddp", ()),
        ("policy", "data.slots", "ddp", STREAM),
        ("generator", "data.batch_size", "ddp", ()),
        ("idm", "data.batch_size", "fsdp", CLIP),
        ("policy", "data.slots", "fsdp", CLIP),
    ],
)
def test_two_processes_with_half_a_batch_each_train_as_one(
    kind: Kind, size: str, strategy: str, more: tuple[str, ...], start: Run, tmp_path: Path
) -> None:
    """The same windows, and the same gradients but for rounding; ticks that count are spread unequally.

    What is saved is one process's too: weights, the optimizer's averages, and the memory of all of a policy's slots.
    """
    finish(start(kind, "one", *more))
    finish(start(kind, "two", f"--{size}", "2", *more, processes=2, strategy=strategy))
    one, two = tmp_path / "one", tmp_path / "two"
    assert difference(weights(one, kind), weights(two, kind)) < 2e-4
    assert read_metadata(two)["steps"] == STEPS
    assert difference(saved(one), saved(two)) < 2e-4
    assert (one / "best").exists() == (two / "best").exists()
    if kind == "idm":
        assert difference(weights(one / "best", kind), weights(two / "best", kind)) < 2e-4


@pytest.mark.parametrize(
    ("kind", "strategy", "frames"),
    [
        ("idm", "ddp", ()),
        ("policy", "ddp", STREAM),
        ("generator", "ddp", STREAM),
        ("idm", "fsdp", STREAM),
        ("policy", "fsdp", ()),
    ],
)
def test_a_run_of_two_processes_stopped_by_sigterm_goes_on(
    kind: Kind, strategy: str, frames: tuple[str, ...], start: Run, tmp_path: Path
) -> None:
    together = {"processes": 2, "strategy": strategy}
    long = ["--trainer.max_steps", "100000", "--trainer.val_check_interval", "100000"]
    process = start(kind, "stopped", *frames, *long, **together)
    logs = tmp_path / "stopped" / "logs"
    deadline = time.monotonic() + 120
    while not list(logs.glob("events*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(3.0)
    process.send_signal(signal.SIGTERM)  # torchrun passes it on to both
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0, output
    steps = read_metadata(tmp_path / "stopped")["steps"]
    assert steps >= AGREE_EVERY, output
    assert steps % AGREE_EVERY == 0, output
    more = ["--trainer.max_steps", str(steps + 2), "--trainer.val_check_interval", "100000"]
    finish(start(kind, "stopped", *frames, *more, **together))
    assert read_metadata(tmp_path / "stopped")["steps"] == steps + 2
    assert all(tensor.isfinite().all() for tensor in weights(tmp_path / "stopped", kind).values())
    assert json.loads((tmp_path / "stopped" / "run.json").read_text())["total_steps"] == steps + 2
