"""How every model here is trained: one Lightning command line, runs that go on where they stopped, loadable models.

    status = run_training(IDMModule, IDMDataModule, ["--config", "tiny", "--output", "runs/idm"], kind="idm")

The run's folder holds `last.ckpt`, its whole state; `config.yaml`, `model.safetensors` and `format_version`, the model,
written at the end and whenever the run is interrupted; `logs` for TensorBoard; `run.yaml`, its configuration; and
`run.json`, what a later start is compared with; `best`, the model with the best score on the recordings held out, as a
checkpoint folder of its own, where a run validates.
"""

import inspect
import json
import logging
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, cast, runtime_checkable

import lightning
import torch
import yaml
from jsonargparse.typing import OpenUnitInterval, PositiveFloat
from lightning.fabric.plugins.precision.precision import _PRECISION_INPUT
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from env.errors import CheckpointError, GhostkeysError, UsageError
from env.files import atomic_path
from env.waiting import announced
from learning.callbacks import (
    STATE_FILE,
    InterruptSafely,
    KeepBest,
    SaveState,
    SeedSteps,
    ShowProgress,
    TakeSettings,
)
from learning.checkpoint import CONFIG_FILE, Kind, read_config, read_metadata, save_checkpoint
from learning.devices import choose_device, devices
from learning.fsdp import ShardedStrategy
from learning.precision import fastest_precision
from learning.runs import RunRecord, fingerprint_recordings, model_settings
from learning.training_parser import HelpAll, TrainingParser

log = logging.getLogger(__name__)

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


SCORES = {"macro_f1": "macro-F1", "r2_pitch": "R² pitch", "r2_yaw": "R² yaw", "total": "loss"}
"""Held-out scores that the end of a run tells, where a module logs them."""

BEST: dict[Kind, tuple[str, bool]] = {
    "idm": ("validation/macro_f1", True),
    "policy": ("validation/total", False),
    "generator": ("validation/dit_total", False),
}
"""The score by which the best model of a run is kept, and whether the largest is the best."""

NEXT: dict[Kind, str] = {
    "idm": "ghostkeys label VIDEOS --checkpoint {0} --output labels",
    "policy": "ghostkeys evaluate --agent {0}",
    "generator": "ghostkeys generator validate --checkpoint {0} --data.root RECORDINGS",
}
"""What to do with a trained model."""


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

    0 done (also when there was nothing left to do), 130 or 143 interrupted by Ctrl-C or SIGTERM: the same command goes
    on. Raises UsageError for wrong arguments; GhostkeysError for a device that is not there, and for a folder that
    holds a run of other settings or recordings, unless `--resume` is given.

    What a module may have besides: `LINKS`, such as {"model.size": "data.size"}, ties arguments together;
    `finish(datamodule)` is called after the last step, before the model is written. A module that is a `Tunable` can
    start from a trained model: `--init-from FOLDER` takes config and weights from a checkpoint folder. The data module
    has the folder of recordings as `root`, and may have their `kind`.
    """
    with _quiet_lightning():
        return _train(_TrainingCLI(module_class, datamodule_class, args, program, kind), kind)


def read_training_options(
    module_class: type[lightning.LightningModule],
    datamodule_class: type[lightning.LightningDataModule],
    args: Sequence[str],
    *,
    kind: Kind,
    program: str,
    needs: str,
    add: Callable[[LightningArgumentParser], None],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of a command that trains several models alike; trains nothing.

    `add` gives the parser what the command takes besides; `needs` are the options that its help begins with. Returns
    those of `run_training`, as plain YAML whose file is a `--config`, and by name those that `add` has added. Raises
    UsageError.
    """
    with _quiet_lightning():
        cli = _OptionsCLI(module_class, datamodule_class, args, program, kind, needs=needs, add=add)
        config = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False))
    return config, {name: config.pop(name) for name in cli.added}


def _train(cli: "_TrainingCLI", kind: Kind) -> int:
    output, trainer = cli.output, cli.trainer
    state = output / STATE_FILE
    done = _steps_exported(output, kind)
    record = _plan(cli, done)
    if done >= record.total_steps:
        log.info("%s: already finished (%d steps); it holds the model. %s", output, done, _how_to_go_on(record))
        return 0
    if done >= 0 and not state.exists():
        raise CheckpointError(
            f"{output} holds a model, but not the state of its run, {STATE_FILE}: choose another --output, with "
            f"--init-from {output} to start from that model."
        )
    _start_folder(cli, record)
    trainer.fit_loop.epoch_loop.max_steps = record.total_steps
    if cli.init_from is not None:
        cast("Tunable", cli.model).start_from(cli.init_from)
    interrupted = next(c for c in _callbacks(trainer) if isinstance(c, InterruptSafely))
    if state.exists():
        _check_state(state, cli.model)
    with _interrupts_as_such():
        trainer.fit(cli.model, cli.datamodule, ckpt_path=state if state.exists() else None, weights_only=True)
    if interrupted.stopped_by is None:
        _finish(cli)
    _export(cli, kind)
    if interrupted.stopped_by is not None:
        progress = f"{trainer.global_step} of {trainer.max_steps} steps"
        log.info("%s: stopped after %s. It holds the model so far; the same command goes on.", output, progress)
        return 128 + interrupted.stopped_by
    log.info("%s holds the model, after %d steps. %s", output, trainer.global_step, _held_out(cli))
    log.info("Next: %s", NEXT[kind].format(output))
    return 0


def _plan(cli: "_TrainingCLI", done: int) -> RunRecord:
    """How far this start is to train. Raises GhostkeysError if the folder has another run, unless `--resume` is given.

    A finished run that goes on with other settings or recordings gets `max_steps` more.
    """
    here = cli.record()
    there = RunRecord.read(cli.output)
    if there is None or (done < 0 and not (cli.output / STATE_FILE).exists()):
        return here  # nothing of the run is there but its settings
    total = there.total_steps if there.max_steps == here.max_steps else here.max_steps
    differences = there.differences(here)
    if differences and not cli.config.resume:
        raise GhostkeysError(
            f"{cli.output} has a run of other {'settings' if there.settings != here.settings else 'data'}: "
            f"{'; '.join(differences)}. Train on with these: --resume; begin anew: another --output."
        )
    if differences and total <= done:
        total = done + here.max_steps
    return replace(here, total_steps=total)


def _how_to_go_on(record: RunRecord) -> str:
    return f"To train on, raise --trainer.max-steps above {record.total_steps}."


def _start_folder(cli: "_TrainingCLI", record: RunRecord) -> None:
    if not cli.trainer.is_global_zero:
        return
    cli.output.mkdir(parents=True, exist_ok=True)
    with atomic_path(cli.output / "run.yaml") as temporary:
        temporary.write_text(cli.parser.dump(cli.config, skip_none=False))
    record.write(cli.output)


def _check_state(state: Path, module: lightning.LightningModule) -> None:
    """Raises CheckpointError for the state of another network."""
    try:
        saved = torch.load(state, map_location="cpu", weights_only=True, mmap=True)["state_dict"]
    except (OSError, RuntimeError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{state} cannot be read ({_one_line(error)}): choose another --output.") from None
    expected = module.state_dict()
    other = [name for name in {**expected, **saved} if _shape(saved, name) != _shape(expected, name)]
    if other:
        raise CheckpointError(
            f"{state} is the state of another network: {other[0]} is {_shape(saved, other[0])} there and "
            f"{_shape(expected, other[0])} here. Choose another --output, or the network of then."
        )


def _shape(tensors: Mapping[str, Any], name: str) -> tuple[int, ...] | None:
    return tuple(tensors[name].shape) if name in tensors else None


def _finish(cli: "_TrainingCLI") -> None:
    """What a module does after its last step, such as calibration; then its held-out scores."""
    finish = cast("Callable[[Any], None] | None", getattr(cli.model, "finish", None))
    with announced("the last step is done; calibrating and scoring on the recordings held out …"):
        if finish is not None:
            finish(cli.datamodule)
        if _has_validation(cli.datamodule):
            cli.trainer.loggers = []  # the curves end with the last step
            cli.trainer.validate(cli.model, cli.datamodule, verbose=False)


def _has_validation(datamodule: Any) -> bool:
    return bool(getattr(datamodule, "validation", ())) and next(iter(datamodule.val_dataloader()), None) is not None


def _held_out(cli: "_TrainingCLI") -> str:
    """The scores on recordings held out, in a few words."""
    metrics = {
        name.removeprefix("validation/"): float(value)
        for name, value in cli.trainer.callback_metrics.items()
        if name.startswith("validation/")
    }
    if not metrics or not _has_validation(cli.datamodule):
        return "No recordings were held out to score it on."
    told = [f"{words} {metrics[name]:.3f}" for name, words in SCORES.items() if name in metrics]
    told = told or [f"{name} {value:.3f}" for name, value in metrics.items()]
    return f"On the recordings held out: {', '.join(told)}."


def _export(cli: "_TrainingCLI", kind: Kind) -> None:
    """Writes the model, in the first process; all others wait."""
    module, trainer = cli.model, cli.trainer
    if not isinstance(module, Trainable):
        raise TypeError(f"{type(module).__name__} needs .model and .checkpoint_config()")
    if trainer.is_global_zero:
        steps = {"steps": trainer.global_step}
        save_checkpoint(cli.output, kind, module.checkpoint_config(), module.model.state_dict(), metadata=steps)
    trainer.strategy.barrier()


def _steps_exported(output: Path, kind: Kind) -> int:
    """Steps behind the model in this folder; -1 if there is none. Raises CheckpointError for one of another kind."""
    if not (output / CONFIG_FILE).exists():
        return -1
    read_config(output, kind)
    return int(read_metadata(output).get("steps", -1))


class _Trainer(lightning.Trainer):
    """Lightning's trainer, with one precision more."""

    def __init__(self, *args: Any, precision: _PRECISION_INPUT | Literal["auto"] | None = None, **kwargs: Any) -> None:
        """`precision` auto is bfloat16, mixed with float32, where the device multiplies faster in it."""
        super().__init__(*args, precision=None if precision == "auto" else precision, **kwargs)


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
            parser_class=TrainingParser,
            parser_kwargs={"prog": program, "description": inspect.getdoc(module_class)},
            trainer_class=_Trainer,
            trainer_defaults=TRAINER_DEFAULTS,
        )

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """The parser, which knows the configs of the module's package by their names."""
        parser = super().init_parser(**kwargs)
        assert isinstance(parser, TrainingParser)
        parser.configs = Path(inspect.getfile(self._model_class)).parent / "configs"
        if hasattr(self._model_class, "CONFIG"):
            parser.network = cast("type[Tunable]", self._model_class).CONFIG[0]
        return parser

    def instantiate_classes(self) -> None:
        """Model, data and trainer. Raises GhostkeysError for values that do not go together."""
        try:
            super().instantiate_classes()
        except GhostkeysError:
            raise
        except ValueError as error:
            raise UsageError(f"these settings do not go together: {_one_line(error)}") from None

    def record(self) -> RunRecord:
        """What the model depends on."""
        config = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        recordings = fingerprint_recordings(self.datamodule.root, getattr(self.datamodule, "kind", None))
        steps = self.trainer.max_steps
        return RunRecord(model_settings(config), recordings, max_steps=steps, total_steps=steps)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds our own, and ties arguments that must be the same together."""
        parser.add_argument("--help-all", action=HelpAll, help="Show all options, Lightning's too, and exit.")
        parser.add_argument(
            "--output", type=Path, required=True, help="Folder for the trained model, the run's state and its logs."
        )
        parser.add_argument(
            "--resume",
            action="store_true",
            help="Train on from what --output holds, though settings or recordings are others now.",
        )
        parser.add_argument(
            "--save-every", type=PositiveFloat, default=60.0, help="Seconds between two saved states of the run."
        )
        parser.add_argument(
            "--ema",
            type=OpenUnitInterval | None,
            default=None,
            help="Decay, such as 0.999, of an average of the weights; the model is that average.",
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
            raise UsageError(f"--init-from and --output are both {self.output}; it would be overwritten")
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
        if self.config_init.trainer.logger in (None, True):
            self.config_init.trainer.logger = TensorBoardLogger(self.output, name="logs", version="")
        max_time, self.config_init.trainer.max_time = self.config_init.trainer.max_time, None
        score, is_largest = BEST[self.kind]
        average = [] if self.config.ema is None else [EMAWeightAveraging(decay=self.config.ema)]
        callbacks = [
            SeedSteps(self._seed()),
            TakeSettings(),
            KeepBest(self.output / "best", self.kind, score=score, largest=is_largest),
            *average,
            InterruptSafely(max_time),
            SaveState(self.output, every_seconds=self.config.save_every),
            ShowProgress(),
        ]
        self.config_init.trainer.callbacks = [*(self.config_init.trainer.callbacks or []), *callbacks]
        asked = self.config_init.trainer
        if asked.precision == "auto":
            asked.precision = _fastest_precision(asked.accelerator)
        if isinstance(asked.val_check_interval, int) and isinstance(asked.accumulate_grad_batches, int):
            asked.val_check_interval *= asked.accumulate_grad_batches  # Lightning counts batches, we count steps
        one = str(asked.devices) == "1" and str(asked.num_nodes) == "1"
        on_gpus = asked.accelerator != "cpu" and devices()[0] != "cpu"
        if asked.strategy == "ddp" or (asked.strategy == "auto" and on_gpus and not one):
            # A policy's value head, and either half of the generator, have no gradient at times.
            asked.strategy = "ddp_find_unused_parameters_true"
        if asked.strategy == "fsdp":
            self._check_fsdp()
            asked.strategy = ShardedStrategy()
            asked.inference_mode = False  # what is gathered while validating is used in training
        wanted = f"--trainer.accelerator {asked.accelerator} --trainer.devices {asked.devices}"
        try:
            trainer = super().instantiate_trainer(**kwargs)
        except (MisconfigurationException, ModuleNotFoundError, RuntimeError, ValueError) as error:
            raise GhostkeysError(f"{wanted}: {_one_line(error)} This machine has {', '.join(devices())}.") from None
        if isinstance(trainer.accelerator, CPUAccelerator) and trainer.num_devices > 1 and asked.strategy == "auto":
            raise GhostkeysError(f"{wanted}: this machine has {', '.join(devices())}; expected --trainer.devices 1.")
        if trainer.max_steps < 1:
            raise UsageError(f"--trainer.max-steps {trainer.max_steps}: expected 1 or more.")
        return trainer

    def _check_fsdp(self) -> None:
        """Raises UsageError for what does not go together with sharded weights."""
        if self.kind == "generator":
            raise UsageError("--trainer.strategy fsdp is for idm fit and agent fit; expected ddp for the generator.")
        if self.config.ema is not None:
            raise UsageError("--ema averages whole weights, --trainer.strategy fsdp has parts; expected one of them.")


class _OptionsCLI(_TrainingCLI):
    """Reads the options of a training command and more, and makes nothing of them."""

    def __init__(self, *args: Any, needs: str, add: Callable[[LightningArgumentParser], None]) -> None:
        self.needs = needs
        self.add = add
        self.added: list[str] = []
        super().__init__(*args)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds those of the command as well."""
        super().add_arguments_to_parser(parser)
        assert isinstance(parser, TrainingParser)
        parser.needs = self.needs
        before = {action.dest for action in parser._actions}
        self.add(parser)
        self.added = [action.dest for action in parser._actions if action.dest not in before]
        parser.first = (*parser.first[:2], *self.added, *parser.first[2:])

    def instantiate_classes(self) -> None:
        """Nothing is trained here."""


def _fastest_precision(accelerator: Any) -> Literal["32-true", "bf16-mixed"]:
    """The trainer's precision by what the machine has; says what was taken and why."""
    names = {"gpu": "auto", "cuda": "cuda", "mps": "mps", "cpu": "cpu"}
    precision, why = fastest_precision(choose_device(names.get(str(accelerator), "auto")))
    chosen: Literal["32-true", "bf16-mixed"] = "bf16-mixed" if precision == "bfloat16" else "32-true"
    log.info("precision %s: %s.", chosen, why)
    return chosen


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
        raise type(stop.__context__) from None


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
            # jsonargparse before 4.49 has no other name for it.
            warnings.filterwarnings("ignore", message=r"\s*(skip_none|By default only one Jsonargparse)")
            warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
