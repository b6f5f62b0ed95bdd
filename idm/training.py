"""How every model here is trained: one Lightning command line, runs that go on where they stopped, loadable models.

    status = run_training(IDMModule, IDMDataModule, ["--config", "tiny.yaml", "--output", "runs/idm"], kind="idm")

The run's folder holds `last.ckpt`, its whole state; `config.yaml`, `model.safetensors` and `format_version`, the model,
written at the end and whenever the run is interrupted; `logs` for TensorBoard; and `run.yaml`, its configuration.
"""

import argparse
import json
import logging
import math
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, cast, runtime_checkable

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from env.errors import CheckpointError
from env.files import atomic_path
from idm.callbacks import STATE_FILE, InterruptSafely, SaveState, SeedSteps, ShowProgress
from idm.checkpoint import CONFIG_FILE, Kind, read_config, read_metadata, save_checkpoint

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

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


class ModelConfig(Protocol):
    """A model's config, which goes to plain YAML and back."""

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], /) -> Self:
        """From plain YAML."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """As plain YAML."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """What a training module has besides Lightning's hooks."""

    model: nn.Module

    def checkpoint_config(self) -> dict[str, Any]:
        """The model's config as plain YAML, enough to build it again."""
        ...


class Tunable(Protocol):
    """What a training module has that can start from a trained model."""

    CONFIG: ClassVar[tuple[str, type[ModelConfig]]]
    """The argument that holds the model's config, and the config's class."""

    def start_from(self, folder: Path) -> None:
        """Takes the weights of a checkpoint folder whose config the model was made with. Raises CheckpointError."""
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
    `finish(datamodule)` is called after the last step, before the model is written. A module that is a `Tunable` can
    start from a trained model: `--init-from FOLDER` takes config and weights from a checkpoint folder.
    """
    with _quiet_lightning():
        try:
            cli = _TrainingCLI(module_class, datamodule_class, args, program, kind)
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
    if cli.init_from is not None:
        cast("Tunable", cli.model).start_from(cli.init_from)
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


class _TrainingCLI(LightningCLI):
    """LightningCLI that runs nothing by itself and adds `--output`."""

    def __init__(
        self,
        module_class: type[lightning.LightningModule],
        datamodule_class: type[lightning.LightningDataModule],
        args: Sequence[str],
        program: str,
        kind: Kind,
    ) -> None:
        self.kind = kind
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
        if hasattr(self._model_class, "CONFIG"):
            parser.add_argument(
                "--init-from",
                type=Path | None,
                default=None,
                help="Checkpoint folder of a trained model to start from; its config counts, not a config file's.",
            )
        for source, target in getattr(self._model_class, "LINKS", {}).items():
            parser.link_arguments(source, target)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parses them; with `--init-from` once more, with that model's config behind the last config file."""
        super().parse_arguments(parser, args)
        if self.init_from is None:
            return
        if self.init_from.resolve() == self.output.resolve():
            raise argparse.ArgumentTypeError(
                f"--init-from and --output are both {self.output}; it would be overwritten"
            )
        argument, config_class = cast("type[Tunable]", self._model_class).CONFIG
        stored = read_config(self.init_from, self.kind)
        try:
            config = config_class.from_dict(stored)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{self.init_from} holds a config this version cannot build: {error}.") from None
        behind = _behind_config_files(args)
        super().parse_arguments(
            parser, [*args[:behind], f"--{argument}={json.dumps(config.to_dict())}", *args[behind:]]
        )

    @property
    def init_from(self) -> Path | None:
        """The folder of the model to start from."""
        folder = self.config.get("init_from")
        return None if folder is None else Path(folder)

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


def _behind_config_files(args: Sequence[str]) -> int:
    """Where the arguments begin that come after all config files."""
    ends = [0]
    for index, arg in enumerate(args):
        name, equals, _ = arg.partition("=")
        if name in {"--config", "-c"}:
            ends.append(index + (1 if equals else 2))
    return max(ends)


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
