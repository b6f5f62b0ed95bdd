"""How every model here is trained: one Lightning command line, runs that go on where they stopped, loadable models.

    status = run_training(IDMModule, IDMDataModule, ["--config", "tiny.yaml", "--output", "runs/idm"], kind="idm")

The run's folder holds `last.ckpt`, its whole state; `config.yaml`, `model.safetensors` and `format_version`, the model,
written at the end and whenever the run is interrupted; `logs` for TensorBoard; and `run.yaml`, its configuration.
"""

import argparse
import logging
import math
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from tqdm import tqdm

from env.files import atomic_path
from idm.checkpoint import CONFIG_FILE, Kind, read_metadata, save_checkpoint

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

STATE_FILE = "last.ckpt"

TRAINER_DEFAULTS: dict[str, Any] = {
    "max_steps": 1000,
    "max_epochs": -1,
    "accelerator": "auto",
    "devices": 1,
    "check_val_every_n_epoch": None,  # val_check_interval counts steps
    "val_check_interval": 500,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 20,
    "enable_checkpointing": False,  # SaveState does it
    "enable_progress_bar": False,  # ShowProgress does it
    "enable_model_summary": False,
    "gradient_clip_val": 1.0,
}


@runtime_checkable
class Trainable(Protocol):
    """What a training module has besides Lightning's hooks."""

    model: nn.Module

    def checkpoint_config(self) -> dict[str, Any]:
        """The model's config as plain YAML, enough to build it again."""
        ...


def run_training(
    module_class: type[lightning.LightningModule],
    datamodule_class: type[lightning.LightningDataModule],
    args: Sequence[str],
    *,
    kind: Kind,
    program: str = "ghostkeys",
) -> int:
    """Trains to `--trainer.max_steps` and writes the checkpoint folder `--output`. Returns the exit status.

    0 done (also when there was nothing left to do), 2 wrong usage, 130 interrupted: the same command goes on.
    What a module may have besides: `LINKS`, such as {"model.size": "data.size"}, ties arguments together;
    `finish(datamodule)` is called after the last step, before the model is written.
    """
    with _quiet_lightning():
        try:
            cli = _TrainingCLI(module_class, datamodule_class, args, program)
        except (argparse.ArgumentError, argparse.ArgumentTypeError) as error:
            sys.stderr.write(f"{program}: error: {_one_line(error)}\n")
            return 2
        return _train(cli, kind)


def cosine_schedule(
    optimizer: torch.optim.Optimizer, *, warmup_steps: int, max_steps: int
) -> "OptimizerLRSchedulerConfig":
    """The learning rate rises for `warmup_steps`, then falls to a hundredth along a cosine."""

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        share = min((step - warmup_steps) / max(max_steps - warmup_steps, 1), 1.0)
        return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * share))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _train(cli: "_TrainingCLI", kind: Kind) -> int:
    output, trainer = cli.output, cli.trainer
    state = output / STATE_FILE
    if _steps_exported(output) >= trainer.max_steps:
        log.info("%s: already finished (%d steps). Raise --trainer.max_steps to go on.", output, trainer.max_steps)
        return 0
    output.mkdir(parents=True, exist_ok=True)
    with atomic_path(output / "run.yaml") as temporary:
        temporary.write_text(cli.parser.dump(cli.config, skip_none=False))
    interrupted = next(c for c in _callbacks(trainer) if isinstance(c, InterruptSafely))
    with _interrupts_as_such():
        trainer.fit(cli.model, cli.datamodule, ckpt_path=state if state.exists() else None, weights_only=True)
    if not interrupted.stopped:
        finish = cast("Callable[[Any], None] | None", getattr(cli.model, "finish", None))
        if finish is not None:
            finish(cli.datamodule)
    _export(cli.model, output, kind, trainer.global_step)
    if interrupted.stopped:
        progress = f"{trainer.global_step} of {trainer.max_steps} steps"
        log.info("%s: stopped after %s. It holds the model so far; the same command goes on.", output, progress)
        return 130
    return 0


def _export(module: lightning.LightningModule, output: Path, kind: Kind, steps: int) -> None:
    if not isinstance(module, Trainable):
        raise TypeError(f"{type(module).__name__} needs .model and .checkpoint_config()")
    save_checkpoint(output, kind, module.checkpoint_config(), module.model.state_dict(), metadata={"steps": steps})


def _steps_exported(output: Path) -> int:
    """Steps behind the model in this folder; -1 if there is none."""
    return int(read_metadata(output).get("steps", -1)) if (output / CONFIG_FILE).exists() else -1


class SeedSteps(Callback):
    """Lets a step's randomness depend on the seed and the step alone: a resumed run equals an unbroken one."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seeds torch's generator for this step; every process of a distributed run differently."""
        key = np.random.SeedSequence((self.seed, trainer.global_step, trainer.global_rank))
        torch.manual_seed(int(key.generate_state(1)[0]))


class SaveState(Callback):
    """Keeps `last.ckpt`, written by rename every `every_seconds` and at the end."""

    def __init__(self, folder: Path, *, every_seconds: float = 60.0) -> None:
        self.folder = folder
        self.every_seconds = every_seconds
        self._saved_at = time.monotonic()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Saves when it is time, or when the run is about to stop."""
        due = time.monotonic() - self._saved_at >= self.every_seconds
        if due or trainer.should_stop or trainer.global_step >= trainer.max_steps:
            with atomic_path(self.folder / STATE_FILE) as temporary:
                trainer.save_checkpoint(temporary)
            self._saved_at = time.monotonic()


class InterruptSafely(Callback):
    """Ctrl-C ends the run after the step in hand; a second Ctrl-C ends it at once."""

    def __init__(self) -> None:
        self.stopped = False
        self._before: Any = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Takes over Ctrl-C."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self.stopped = True
            trainer.should_stop = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        self._before = signal.signal(signal.SIGINT, stop)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Gives Ctrl-C back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


class ShowProgress(Callback):
    """One line with the steps, the rate, the time left and the latest losses."""

    def __init__(self) -> None:
        self._bar: Any = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Opens the line."""
        self._bar = tqdm(total=trainer.max_steps, initial=trainer.global_step, desc="training", unit="step")

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Moves it on."""
        self._bar.set_postfix(_shown(trainer.progress_bar_metrics), refresh=False)
        self._bar.update(trainer.global_step - self._bar.n)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Closes it."""
        self._bar.close()


def _shown(metrics: Mapping[str, Any]) -> dict[str, str]:
    return {name.split("/")[-1]: f"{float(value):.3f}" for name, value in metrics.items() if name != "v_num"}


class _TrainingCLI(LightningCLI):
    """LightningCLI that runs nothing by itself and adds `--output`."""

    def __init__(
        self,
        module_class: type[lightning.LightningModule],
        datamodule_class: type[lightning.LightningDataModule],
        args: Sequence[str],
        program: str,
    ) -> None:
        super().__init__(
            module_class,
            datamodule_class,
            args=list(args),
            run=False,
            save_config_callback=None,
            seed_everything_default=0,
            parser_kwargs={"prog": program, "exit_on_error": False},
            trainer_defaults=TRAINER_DEFAULTS,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds `--output`, and ties arguments that must be the same together."""
        parser.add_argument(
            "--output", type=Path, required=True, help="Folder for the trained model, the run's state and its logs."
        )
        for source, target in getattr(self._model_class, "LINKS", {}).items():
            parser.link_arguments(source, target)

    @property
    def output(self) -> Path:
        """The run's folder."""
        return Path(self.config.output)

    def _seed(self) -> int:
        seed = self.config.seed_everything
        return seed if isinstance(seed, int) and not isinstance(seed, bool) else 0

    def instantiate_trainer(self, **kwargs: Any) -> lightning.Trainer:
        """The trainer with our logger and callbacks."""
        self.config_init.trainer.default_root_dir = str(self.output)
        self.config_init.trainer.logger = TensorBoardLogger(self.output, name="logs", version="")
        callbacks = [SeedSteps(self._seed()), InterruptSafely(), SaveState(self.output), ShowProgress()]
        self.config_init.trainer.callbacks = [*(self.config_init.trainer.callbacks or []), *callbacks]
        return super().instantiate_trainer(**kwargs)


def _callbacks(trainer: lightning.Trainer) -> list[Callback]:
    return list(cast("list[Callback]", getattr(trainer, "callbacks")))  # noqa: B009 -- set at run time by Lightning


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


@contextmanager
def _interrupts_as_such() -> Iterator[None]:
    """Lightning turns Ctrl-C before the first step into an exit with status 1; here it stays a KeyboardInterrupt."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:
        if not isinstance(stop.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Hides Lightning's hints and device reports; errors still show."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "lightning")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")
            warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
