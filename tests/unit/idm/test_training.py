"""Runs: they go on where they stopped, and say in one line what is wrong with their configuration."""

import logging
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import ghostkeys
from env.errors import CheckpointError, GhostkeysError, UsageError
from ghostkeys import main
from idm.commands import fit, validate
from idm.config import IDMConfig
from idm.model import InverseDynamicsModel, load
from idm.module import IDMModule
from learning.callbacks import ShowProgress
from learning.checkpoint import load_checkpoint, read_metadata, save_checkpoint

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


@pytest.mark.parametrize(
    ("owner", "hook", "more"),
    [
        (IDMModule, "training_step", ()),
        (ShowProgress, "on_train_batch_end", ()),
        (IDMModule, "training_step", ("--data.augment", "0.5")),
    ],
)
def test_resumed_run_equals_unbroken_one(
    owner: type, hook: str, more: tuple[str, ...], run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, in a step or between two: status 130, a model that loads; started again, the same weights."""
    assert run("unbroken", *more) == 0

    whole = getattr(owner, hook)

    def interrupted(self: Any, *args: Any) -> Any:
        trainer = self.trainer if owner is IDMModule else args[0]
        if trainer.global_step == 1:
            signal.raise_signal(signal.SIGINT)
        return whole(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(owner, hook, interrupted)
        assert run("broken", *more) == 130
    assert read_metadata(tmp_path / "broken")["steps"] == 2
    load(tmp_path / "broken")
    assert run("broken", *more) == 0
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
    with caplog.at_level(logging.INFO, logger="learning.training"):
        assert run("run") == 0
    assert f"{tmp_path / 'run'}: already finished (4 steps); it holds the model." in caplog.text
    assert run("run", "--trainer.max_steps", "6") == 0
    assert read_metadata(tmp_path / "run")["steps"] == 6


def test_the_end_of_a_run_tells_where_the_model_is_its_scores_and_what_is_next(
    run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="learning.training"):
        assert run("run", "--data.validation_share", "0.3") == 0
    told, following = caplog.messages[-2:]
    assert told.startswith(f"{tmp_path / 'run'} holds the model, after 4 steps. On the recordings held out: ")
    assert all(name in told for name in ("macro-F1 0.", "R² pitch", "R² yaw"))
    assert following == f"Next: ghostkeys label VIDEOS --checkpoint {tmp_path / 'run'} --output labels"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model.learning_rate", "0.01"], "model.learning_rate 0.001 there, 0.01 here"),
        (["--model.network.width", "24"], "model.network.width 16 there, 24 here"),
        (["--data.batch_size", "3"], "data.batch_size 2 there, 3 here"),
        (["--trainer.precision", "bf16-mixed"], "trainer.precision None there, bf16-mixed here"),
        (["--seed_everything", "1"], "seed_everything 0 there, 1 here"),
    ],
)
def test_other_settings_on_a_finished_run_are_named_and_change_nothing(
    run: Any, tmp_path: Path, arguments: list[str], named: str
) -> None:
    assert run("run", "--trainer.max_steps", "1") == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    with pytest.raises(GhostkeysError, match=named) as refused:
        run("run", "--trainer.max_steps", "2", *arguments)
    assert "--resume" in str(refused.value)
    assert {path: path.read_bytes() for path in before} == before


def test_settings_that_change_nothing_in_the_model_are_no_others(run: Any, tmp_path: Path) -> None:
    assert run("run", "--trainer.max_steps", "1") == 0
    assert run("run", "--trainer.max_steps", "2", "--trainer.log_every_n_steps", "1") == 0
    assert run("run", "--trainer.max_steps", "3", "--data.cache", str(tmp_path / "elsewhere")) == 0
    assert read_metadata(tmp_path / "run")["steps"] == 3


@pytest.fixture
def more(recordings: Path, tmp_path: Path) -> Path:
    """A folder with one of the recordings, to which others can be added."""
    folder = tmp_path / "recorded"
    folder.mkdir()
    add(sorted(recordings.glob("*.jsonl"))[0], folder)
    return folder


def add(actions: Path, folder: Path) -> None:
    for path in (actions, actions.with_suffix(".mp4")):
        shutil.copy(path, folder)


def test_with_more_recordings_the_same_command_says_so_and_resume_trains_on(
    run: Any, recordings: Path, more: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As many steps as the command asks for; interrupted, it goes on to the same end, and then it is finished."""
    root = ["--data.root", str(more)]
    assert run("run", *root) == 0
    before = weights(tmp_path / "run")
    new = sorted(recordings.glob("*.jsonl"))[1]
    add(new, more)
    with pytest.raises(GhostkeysError, match=rf"other data: of the recordings 1 new \({new.name}\).*--resume"):
        run("run", *root)
    with pytest.MonkeyPatch.context() as patch:
        step = IDMModule.training_step

        def interrupted(self: IDMModule, *args: Any) -> Any:
            if self.trainer.global_step == 5:
                signal.raise_signal(signal.SIGINT)
            return step(self, *args)

        patch.setattr(IDMModule, "training_step", interrupted)
        assert run("run", *root, "--resume") == 130
    assert read_metadata(tmp_path / "run")["steps"] == 6
    assert run("run", *root, "--resume") == 0
    assert read_metadata(tmp_path / "run")["steps"] == 8
    assert not torch.equal(before["norm.weight"], weights(tmp_path / "run")["norm.weight"])
    with caplog.at_level(logging.INFO, logger="learning.training"):
        assert run("run", *root, "--resume") == run("run", *root) == 0
    assert caplog.text.count("already finished (8 steps)") == 2


def test_recordings_that_are_gone_or_changed_are_other_data(run: Any, recordings: Path, more: Path) -> None:
    first, second = sorted(recordings.glob("*.jsonl"))[:2]
    add(second, more)
    root = ["--data.root", str(more), "--trainer.max_steps", "1"]
    assert run("run", *root) == 0
    shutil.copy(second, more / first.name)
    (more / second.name).unlink()
    with pytest.raises(GhostkeysError, match=rf"1 gone \({second.name}\), 1 changed \({first.name}\)"):
        run("run", *root)


def test_the_same_recordings_in_another_place_are_the_same(run: Any, more: Path, tmp_path: Path) -> None:
    assert run("run", "--data.root", str(more), "--trainer.max_steps", "1") == 0
    moved = shutil.copytree(more, tmp_path / "moved", copy_function=shutil.copy)  # with other times of change
    assert run("run", "--data.root", str(moved), "--trainer.max_steps", "1") == 0


def test_resume_trains_with_the_new_settings(run: Any, tmp_path: Path) -> None:
    """With a step of no length from there on, the weights stay, though the saved state had another learning rate."""
    assert run("run") == 0
    before = weights(tmp_path / "run")
    still = ["--model.learning_rate", "0", "--model.flip", "false"]
    assert run("run", *still, "--resume") == 0
    assert read_metadata(tmp_path / "run")["steps"] == 8
    after = weights(tmp_path / "run")
    learnt = [name for name in before if not name.startswith(("calibration", "positive_weight", "camera_spread"))]
    assert all(torch.equal(before[name], after[name]) for name in learnt)


def test_resume_of_another_network_is_one_line(run: Any) -> None:
    assert run("run") == 0
    with pytest.raises(CheckpointError, match="is the state of another network"):
        run("run", "--model.network.width", "24", "--resume")


def test_a_folder_with_another_kind_of_model_is_refused(run: Any, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "policy", "policy", {}, {"a": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="kind 'policy'"):
        run("policy")


def test_a_model_without_its_state_is_not_overwritten(run: Any, tmp_path: Path) -> None:
    assert run("run", "--trainer.max_steps", "1") == 0
    (tmp_path / "run" / "last.ckpt").unlink()
    with pytest.raises(CheckpointError, match="--init-from"):
        run("run", "--trainer.max_steps", "2")
    assert read_metadata(tmp_path / "run")["steps"] == 1


def test_a_state_that_is_damaged_is_one_line(run: Any, tmp_path: Path) -> None:
    assert run("run", "--trainer.max_steps", "1") == 0
    (tmp_path / "run" / "last.ckpt").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"last\.ckpt cannot be read"):
        run("run", "--trainer.max_steps", "2")


def test_sigterm_saves_as_ctrl_c_does(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = IDMModule.training_step

    def terminated(self: IDMModule, *args: Any) -> Any:
        if self.trainer.global_step == 1:
            signal.raise_signal(signal.SIGTERM)
        return step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(IDMModule, "training_step", terminated)
        assert run("broken") == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert read_metadata(tmp_path / "broken")["steps"] == 2
    assert run("broken") == run("unbroken") == 0
    unbroken, broken = weights(tmp_path / "unbroken"), weights(tmp_path / "broken")
    assert all(torch.equal(unbroken[name], broken[name]) for name in unbroken)


def test_a_single_recording_too_short_to_hold_out_of_trains(
    run: Any, more: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert run("run", "--data.root", str(more)) == 0
    assert "are shorter than a window of 16" in caplog.text


@pytest.mark.parametrize("option", ["--help", "--help-all"])
def test_the_help_shows_ours_first(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["idm", "fit", option])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    places = [shown.index(f"  {name} ") for name in ("--output", "--resume", "--data.root", "--trainer.max-steps")]
    assert places == sorted(places)
    lightning = ["--trainer.num-nodes", "--trainer.barebones", "--model.network.width", "--seed-everything"]
    assert [f"  {name} " in shown for name in lightning] == [option == "--help-all"] * 4


def test_options_may_be_written_with_dashes(run: Any, tmp_path: Path) -> None:
    """And a tuple as two numbers; the shipped config by its name."""
    assert run("run", "--trainer.max-steps=1", "--data.batch-size", "3", "--model.network.frame-size", "24", "32") == 0
    assert load(tmp_path / "run").config.frame_size == (24, 32)


def test_print_config_with_a_config_by_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From any working directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["idm", "fit", "--config=tiny", "--data.root", ".", "--output", "x", "--print_config"])
    assert stop.value.code == 0
    shipped = yaml.safe_load((Path(ghostkeys.__file__).parent / "idm" / "configs" / "tiny.yaml").read_text())
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["trainer"]["max_steps"] == shipped["trainer"]["max_steps"]
    assert printed["model"]["network"]["degrees_weight"] == shipped["model"]["network"]["degrees_weight"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model.network.widht", "8"], "no option --model.network.widht; did you mean --model.network.width?"),
        (["--trainer.max_stepz", "8"], "did you mean --trainer.max-steps?"),
        (["--model.network.depth", "deep"], "--model.network.depth deep: expected int."),
        (["--model.network.appearance", "vgg"], "--model.network.appearance vgg"),
        (["--model.network.appearance", "none", "--model.network.motion", "[]"], "all are switched off"),
        (["--config", "no-such-file.yaml"], "--config no-such-file.yaml: there is no such file"),
        (["--config", "tny"], "one of base, tiny, vpt"),
        (["--trainer.max-steps", "0"], "--trainer.max-steps 0: expected 1 or more"),
        (["too-many"], "'too-many' is one argument too many"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line(
    recordings: Path, tmp_path: Path, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = ["--data.root", str(recordings), "--output", str(tmp_path / "run")]
    assert main(["idm", "fit", *root, *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("ghostkeys: error: ")
    assert named in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--trainer.accelerator", "gpu"],
        ["--trainer.accelerator", "cuda"],
        ["--trainer.accelerator", "mps"],
        ["--trainer.accelerator", "tpu"],
        ["--trainer.accelerator", "gpu0"],
        ["--trainer.accelerator", "cpu", "--trainer.devices", "8"],
        ["--trainer.accelerator", "cpu", "--trainer.devices", "0"],
        ["--trainer.devices", "8"],
    ],
    ids=" ".join,
)
@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="for machines without a GPU")
def test_a_device_that_is_not_there_is_one_clear_line(
    recordings: Path, tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    root = ["--data.root", str(recordings), "--output", str(tmp_path / "run")]
    assert main(["idm", "fit", *root, *arguments]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("ghostkeys: error: --trainer.accelerator")
    assert arguments[-1] in line
    assert "cpu" in line


def test_a_misspelt_key_in_the_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text(yaml.safe_dump({"model": {"network": {"frame_sise": [32, 32]}}, "data": {"root": "x"}}))
    assert main(["idm", "fit", "--config", str(config), "--output", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "frame_sise" in line


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
    with pytest.raises(UsageError, match="are both"):
        run("first", "--init-from", str(tmp_path / "first"))


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


@pytest.mark.parametrize("stop", [3, 4])
def test_a_resumed_run_with_accumulated_gradients_equals_an_unbroken_one(
    stop: int, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches a step, stopped in the first or the second of them: each batch is seen once, with its own noise."""
    more = ("--trainer.accumulate_grad_batches", "2")
    assert run("unbroken", *more) == 0
    whole, seen = IDMModule.training_step, []

    def interrupted(self: Any, batch: Any, index: int) -> Any:
        seen.append(batch.buttons.clone())
        if len(seen) == stop:
            signal.raise_signal(signal.SIGINT)
        return whole(self, batch, index)

    monkeypatch.setattr(IDMModule, "training_step", interrupted)
    assert run("broken", *more) == 130
    assert read_metadata(tmp_path / "broken")["steps"] == 2
    assert run("broken", *more) == 0
    assert len(seen) == 8
    unbroken, broken = weights(tmp_path / "unbroken"), weights(tmp_path / "broken")
    assert all(torch.equal(unbroken[name], broken[name]) for name in unbroken)


def test_validation_is_counted_in_steps(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second step, as the configuration says, and at the end; not every second batch."""
    steps: list[int] = []
    whole = IDMModule.on_validation_epoch_end

    def counted(self: Any) -> None:
        steps.append(self.trainer.global_step)
        whole(self)

    monkeypatch.setattr(IDMModule, "on_validation_epoch_end", counted)
    assert run("run", "--trainer.accumulate_grad_batches", "3") == 0
    assert steps == [2, 4, 4]


def test_a_run_may_end_by_the_clock_and_go_on(run: Any, tmp_path: Path) -> None:
    assert run("run", "--trainer.max_steps", "1000000", "--trainer.max_time", "00:00:00:02") == 0
    steps = read_metadata(tmp_path / "run")["steps"]
    assert 0 < steps < 1000000
    assert run("run", "--trainer.max_steps", "1000000", "--trainer.max_time", "00:00:00:02") == 0
    assert read_metadata(tmp_path / "run")["steps"] > steps


def test_the_logger_that_was_asked_for_is_used(run: Any, tmp_path: Path) -> None:
    assert run("none", "--trainer.logger", "false") == 0
    assert not (tmp_path / "none" / "logs").exists()
    logger = "lightning.pytorch.loggers.CSVLogger"
    assert run("csv", "--trainer.logger", logger, "--trainer.logger.save_dir", str(tmp_path / "csv")) == 0
    assert list((tmp_path / "csv").rglob("metrics.csv"))
    assert run("usual") == 0
    assert list((tmp_path / "usual" / "logs").glob("events*"))


def test_an_average_of_the_weights_is_the_model_and_survives_an_interruption(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("plain") == 0
    assert run("unbroken", "--ema", "0.5") == 0
    whole = IDMModule.training_step

    def interrupted(self: Any, *args: Any) -> Any:
        if self.trainer.global_step == 1:
            signal.raise_signal(signal.SIGINT)
        return whole(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(IDMModule, "training_step", interrupted)
        assert run("broken", "--ema", "0.5") == 130
    assert run("broken", "--ema", "0.5") == 0
    plain, unbroken, broken = (weights(tmp_path / name) for name in ("plain", "unbroken", "broken"))
    assert all(torch.equal(unbroken[name], broken[name]) for name in unbroken)
    assert any(not torch.equal(unbroken[name], plain[name]) for name in plain)


def test_the_best_model_by_validation_is_kept_beside_the_last(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best of all validations, over several starts of the run."""
    scores = iter([0.3, 0.8, 0.5, 0.6, 0.7, 0.9])

    def scored(self: Any) -> None:
        self._validated.clear()
        if self.trainer.state.fn == "fit":
            self.log("validation/macro_f1", next(scores))

    monkeypatch.setattr(IDMModule, "on_validation_epoch_end", scored)
    assert run("run", "--trainer.val_check_interval", "1") == 0  # .3 .8 .5 .6
    assert read_metadata(tmp_path / "run" / "best") == {"steps": 2, "validation/macro_f1": pytest.approx(0.8)}
    assert run("run", "--trainer.val_check_interval", "1", "--trainer.max_steps", "5") == 0  # .7
    assert read_metadata(tmp_path / "run" / "best")["steps"] == 2
    assert run("run", "--trainer.val_check_interval", "1", "--trainer.max_steps", "6") == 0  # .9
    assert read_metadata(tmp_path / "run" / "best")["steps"] == 6
    load(tmp_path / "run" / "best")


@pytest.mark.parametrize("option", [["--ema", "1.5"], ["--save-every", "0"]])
def test_an_option_out_of_range_is_wrong_usage(option: list[str], run: Any) -> None:
    with pytest.raises(UsageError, match=option[0].strip("-").replace("-", "[-_]")):
        run("run", *option)


def test_precision_auto_says_what_it_took(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="learning.training"):
        assert run("run", "--trainer.precision", "auto") == 0
    assert any(message.startswith(("precision 32-true: ", "precision bf16-mixed: ")) for message in caplog.messages)
