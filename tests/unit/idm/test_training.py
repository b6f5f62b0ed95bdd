"""Runs: they go on where they stopped, and say in one line what is wrong with their configuration."""

import logging
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from env.errors import CheckpointError
from idm.callbacks import ShowProgress
from idm.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from idm.commands import fit, validate
from idm.config import IDMConfig
from idm.model import InverseDynamicsModel, load
from idm.module import IDMModule

CONFIGS = sorted(Path("idm/configs").glob("*.yaml"))
NETWORK = {
    "frame_size": [32, 32],
    "window": 16,
    "motion": [{"size": [32, 32], "radius": [2, 2], "grid": [2, 2]}],
    "appearance_patch": 4,
    "appearance_channels": [4, 8],
    "appearance_outputs": 8,
    "width": 16,
    "depth": 1,
    "heads": 2,
}


@pytest.fixture
def run(recordings: Path, tmp_path: Path) -> Any:
    """Runs `idm fit` for a number of steps into a folder; returns the exit status."""
    config = tmp_path / "tiny.yaml"
    trainer = {"max_steps": 4, "val_check_interval": 2, "accelerator": "cpu"}
    config.write_text(
        yaml.safe_dump(
            {"model": {"network": NETWORK}, "data": {"batch_size": 2, "root": str(recordings)}, "trainer": trainer}
        )
    )

    def start(output: str, *more: str) -> int:
        return fit(["--config", str(config), "--output", str(tmp_path / output), *more])

    return start


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder, "idm")[1]


@pytest.mark.parametrize(("owner", "hook"), [(IDMModule, "training_step"), (ShowProgress, "on_train_batch_end")])
def test_resumed_run_equals_unbroken_one(
    owner: type, hook: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, in a step or between two: status 130, a model that loads; started again, the same weights."""
    assert run("unbroken") == 0

    whole = getattr(owner, hook)

    def interrupted(self: Any, *args: Any) -> Any:
        trainer = self.trainer if owner is IDMModule else args[0]
        if trainer.global_step == 1:
            signal.raise_signal(signal.SIGINT)
        return whole(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(owner, hook, interrupted)
        assert run("broken") == 130
    assert read_metadata(tmp_path / "broken")["steps"] == 2
    load(tmp_path / "broken")
    assert run("broken") == 0
    unbroken, broken = weights(tmp_path / "unbroken"), weights(tmp_path / "broken")
    assert all(torch.equal(unbroken[name], broken[name]) for name in unbroken)


def test_ctrl_c_after_the_last_step_lets_the_run_end(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing left to stop but the calibration, and a run that is called finished has one."""
    assert run("unbroken") == 0
    end = ShowProgress.on_train_batch_end

    def interrupted(self: ShowProgress, trainer: Any, *args: Any) -> None:
        if trainer.global_step == trainer.max_steps:
            signal.raise_signal(signal.SIGINT)
        end(self, trainer, *args)

    monkeypatch.setattr(ShowProgress, "on_train_batch_end", interrupted)
    assert run("late") == 0
    unbroken, late = weights(tmp_path / "unbroken"), weights(tmp_path / "late")
    assert all(torch.equal(unbroken[name], late[name]) for name in unbroken)


def test_mixed_precision_trains(run: Any, tmp_path: Path) -> None:
    """As the larger configs advise on a GPU."""
    assert run("mixed", "--trainer.precision", "bf16-mixed") == 0
    assert all(tensor.isfinite().all() for tensor in weights(tmp_path / "mixed").values())


def test_ctrl_c_before_the_first_step_stays_ctrl_c(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while recordings are decoded. Lightning alone would end with status 1 and take Ctrl-C away."""
    with monkeypatch.context() as patch:
        patch.setattr(IDMModule, "on_fit_start", lambda _: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            run("run")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert run("run") == 0


def test_finished_run_returns_at_once_unless_the_budget_grew(
    run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert run("run") == 0
    with caplog.at_level(logging.INFO, logger="idm.training"):
        assert run("run") == 0
    assert "already finished (4 steps)" in caplog.text
    assert run("run", "--trainer.max_steps", "6") == 0
    assert read_metadata(tmp_path / "run")["steps"] == 6


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model.network.widht", "8"], "widht"),
        (["--trainer.max_stepz", "8"], "max_stepz"),
        (["--model.network.depth", "deep"], "depth"),
        (["--config", "no-such-file.yaml"], "no-such-file.yaml"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line(
    run: Any, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", *arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert named in lines[0]


def test_a_misspelt_key_in_the_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text(yaml.safe_dump({"model": {"network": {"frame_sise": [32, 32]}}, "data": {"root": "x"}}))
    assert fit(["--config", str(config), "--output", str(tmp_path / "run")]) == 2
    assert "frame_sise" in capsys.readouterr().err


def test_validate_prints_and_writes_the_figures(
    run: Any, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run") == 0
    report = tmp_path / "scores.json"
    arguments = ["--checkpoint", str(tmp_path / "run"), "--data.root", str(recordings), "--json", str(report)]
    assert validate(arguments) == 0
    printed = capsys.readouterr().out
    figures = yaml.safe_load(report.read_text())
    assert f"{figures['model']['keypress_accuracy']:.3f}" in printed
    assert {"always_off", "repeat_last", "previous_tick"} == figures["baselines"].keys()


def test_vpt_config_is_the_published_model() -> None:
    parsed = yaml.safe_load(Path("idm/configs/vpt.yaml").read_text())
    assert IDMConfig.from_dict(parsed["model"]["network"]) == IDMConfig.vpt()


def test_a_run_may_start_from_a_trained_model(run: Any, tmp_path: Path) -> None:
    """With a step of no length the result is that model, though the config file describes another."""
    assert run("first", "--trainer.max_steps", "2", "--model.network.width", "24") == 0
    start = ["--init-from", str(tmp_path / "first")]
    assert run("still", *start, "--model.learning_rate", "0", "--trainer.max_steps", "1", "--model.flip", "false") == 0
    first, still = weights(tmp_path / "first"), weights(tmp_path / "still")
    learnt = [name for name in first if not name.startswith(("calibration", "positive_weight", "camera_spread"))]
    assert all(torch.equal(first[name], still[name]) for name in learnt)
    assert run("tuned", *start, "--trainer.max_steps", "2", "--model.network.dropout", "0.3") == 0
    assert load(tmp_path / "tuned").config.dropout == 0.3
    assert load(tmp_path / "tuned").config.width == 24
    assert not torch.equal(weights(tmp_path / "tuned")["norm.weight"], first["norm.weight"])


def test_a_model_to_start_from_that_does_not_fit_is_named(run: Any, tmp_path: Path) -> None:
    assert run("first", "--trainer.max_steps", "1") == 0
    with pytest.raises(CheckpointError, match="first does not fit"):
        run("second", "--init-from", str(tmp_path / "first"), "--model.network.width", "32")
    with pytest.raises(CheckpointError, match="no such folder"):
        run("second", "--init-from", str(tmp_path / "nothing"))
    save_checkpoint(tmp_path / "policy", "policy", {}, {})
    with pytest.raises(CheckpointError, match="kind 'policy'"):
        run("second", "--init-from", str(tmp_path / "policy"))
    assert run("first", "--init-from", str(tmp_path / "first")) == 2


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_config_trains_and_loads(config: Path, recordings: Path, tmp_path: Path) -> None:
    """Each YAML builds its model; two steps on two short windows, then the checkpoint loads."""
    if config.stem != "tiny":
        parsed = yaml.safe_load(config.read_text())
        with torch.device("meta"):
            InverseDynamicsModel(IDMConfig.from_dict(parsed["model"]["network"]))
        return
    short = [
        "--trainer.max_steps",
        "2",
        "--data.batch_size",
        "2",
        "--model.network.window",
        "16",
        "--trainer.val_check_interval",
        "2",
    ]
    data = ["--data.root", str(recordings), "--data.cache", str(tmp_path / "cache")]
    assert fit(["--config", str(config), *data, *short, "--output", str(tmp_path / "run")]) == 0
    load(tmp_path / "run")
