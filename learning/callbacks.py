"""What happens around a training step: seeds, saved states, Ctrl-C, and the line that shows the progress."""

import math
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, cast

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, Timer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from env.files import atomic_path
from learning.checkpoint import CONFIG_FILE, Kind, read_metadata, save_checkpoint
from learning.distributed import largest
from learning.fsdp import whole_tensors

STATE_FILE = "last.ckpt"
AGREE_EVERY = 10
"""Steps after which processes that train together ask one another whether to save or to stop: each time all wait."""
SHOW_SECONDS = 0.5
"""Between two looks at the losses: each waits until the device has computed them."""


def is_whole_step(trainer: lightning.Trainer, batch_idx: int) -> bool:
    """Whether a batch was the last of its step; with accumulated gradients, others are between two steps."""
    return (batch_idx + 1) % trainer.accumulate_grad_batches == 0


def agrees(trainer: lightning.Trainer) -> bool:
    """Whether the processes ask one another after this step; a single one always knows."""
    return trainer.world_size == 1 or trainer.global_step % AGREE_EVERY == 0


class SeedSteps(Callback):
    """Lets a step's randomness depend on the seed and the step alone: a resumed run equals an unbroken one."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seeds torch's generator; every process differently, and every batch of a step with accumulated gradients."""
        micro = batch_idx % trainer.accumulate_grad_batches
        key = np.random.SeedSequence((self.seed, trainer.global_step, trainer.global_rank, *([micro] if micro else [])))
        torch.manual_seed(int(key.generate_state(1)[0]))


class SaveState(Callback):
    """Keeps `last.ckpt`, written by rename every `every_seconds` and at the end, and only after whole steps.

    Processes that train together save together, when the first one's clock says so.
    """

    def __init__(self, folder: Path, *, every_seconds: float = 60.0) -> None:
        self.folder = folder
        self.every_seconds = every_seconds
        self._saved_at = time.monotonic()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Saves when it is time, or when the run is about to stop."""
        if not is_whole_step(trainer, batch_idx):
            return
        ends = trainer.should_stop or 0 <= trainer.max_steps <= trainer.global_step
        due = trainer.is_global_zero and time.monotonic() - self._saved_at >= self.every_seconds
        if ends or (agrees(trainer) and largest(due, trainer.strategy.root_device)):
            self.save(trainer)

    def save(self, trainer: lightning.Trainer) -> None:
        """Writes the state; all processes call it together."""
        with ExitStack() as stack:
            mine = stack.enter_context(atomic_path(self.folder / STATE_FILE)) if trainer.is_global_zero else None
            trainer.save_checkpoint(cast("Path", trainer.strategy.broadcast(mine)))
        trainer.strategy.barrier()
        self._saved_at = time.monotonic()


class InterruptSafely(Callback):
    """Ctrl-C and SIGTERM end the run after the step in hand, or the next one between two; a second one ends it at once.

    It stands before `SaveState`, which saves where the run stops. Processes that train together stop together, within
    `AGREE_EVERY` steps, whichever was asked. `max_time`, as Lightning takes it, ends the run as its last step does.
    """

    def __init__(self, max_time: Any = None) -> None:
        self._timer = None if max_time is None else Timer(duration=max_time)
        self.stopped_by: signal.Signals | None = None
        """The signal that ended the run before its last step."""
        self._asked: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Takes over Ctrl-C, unless it is handled or ignored already, and SIGTERM, unless that is ignored."""
        if self._timer is not None:
            self._timer.on_train_start(trainer, pl_module)
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._take_over(signal.SIGINT)
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
            self._take_over(signal.SIGTERM)

    def _take_over(self, number: signal.Signals) -> None:
        def stop(_: int, frame: FrameType | None) -> None:
            self._asked = number
            signal.signal(number, self._before[number])

        self._before[number] = signal.signal(number, stop)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stops the run here and nowhere else: asked to stop later, Lightning would do so without a saved state."""
        if not is_whole_step(trainer, batch_idx) or not agrees(trainer):
            return
        asked = largest(int(self._asked or 0), trainer.strategy.root_device)
        is_over = self._timer is not None and (self._timer.time_remaining() or 0.0) <= 0.0
        out_of_time = self._timer is not None and largest(is_over, trainer.strategy.root_device)
        is_last = 0 <= trainer.max_steps <= trainer.global_step
        self.stopped_by = signal.Signals(asked) if asked and not is_last else None
        trainer.should_stop = trainer.should_stop or self.stopped_by is not None or bool(out_of_time)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Gives the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


class TakeSettings(Callback):
    """A run that goes on takes learning rates and weight decay from its settings, not from its saved state."""

    def __init__(self) -> None:
        self._options: list[list[dict[str, Any]]] = []
        self._rates: list[list[Any]] = []

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Notes them, before the saved state is read."""
        self._options = [
            [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
            for optimizer in trainer.optimizers
        ]
        self._rates = [list(config.scheduler.base_lrs) for config in trainer.lr_scheduler_configs]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Puts them in place of the saved ones, with the learning rate of the step that is next."""
        for optimizer, groups in zip(trainer.optimizers, self._options, strict=True):
            for group, options in zip(optimizer.param_groups, groups, strict=True):
                group.update(options)
        for config, rates in zip(trainer.lr_scheduler_configs, self._rates, strict=True):
            scheduler = config.scheduler
            scheduler.base_lrs = rates
            if isinstance(scheduler, LambdaLR):
                factors = [factor(scheduler.last_epoch) for factor in scheduler.lr_lambdas]
                for group, rate, factor in zip(scheduler.optimizer.param_groups, rates, factors, strict=True):
                    group["lr"] = rate * factor


class KeepBest(Callback):
    """Keeps the model with the best score on the recordings held out as a checkpoint folder of its own.

    It stands before a callback that averages weights: that one puts the averaged ones in place for the validation.
    """

    def __init__(self, folder: Path, kind: Kind, *, score: str, largest: bool) -> None:
        """`score` is the name it is logged under; the largest is the best, or the smallest."""
        self.folder = folder
        self.kind = kind
        self.score = score
        self.sign = 1.0 if largest else -1.0
        self._weights: dict[str, Tensor] = {}

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Takes the weights that were scored; sharded ones are gathered by all processes together."""
        if trainer.state.fn == "fit":
            model = cast("nn.Module", pl_module.model)
            weights = whole_tensors(model.state_dict(), keep=trainer.is_global_zero)
            self._weights = {name: tensor.clone() for name, tensor in weights.items()}

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Writes them if no earlier ones of this run were as good."""
        weights, self._weights = self._weights, {}
        found = trainer.callback_metrics.get(self.score)
        if not weights or found is None:
            return
        value = self.sign * float(found)
        if not value > self._best():
            return
        config = cast("Callable[[], dict[str, Any]]", pl_module.checkpoint_config)()
        told = {"steps": trainer.global_step, self.score: float(found)}
        save_checkpoint(self.folder, self.kind, config, weights, metadata=told)

    def _best(self) -> float:
        """The best score so far, of earlier starts of the run as well."""
        if not (self.folder / CONFIG_FILE).exists():
            return -math.inf
        return self.sign * float(read_metadata(self.folder).get(self.score, -self.sign * math.inf))


class ShowProgress(Callback):
    """One line with the steps, the rate, the time left and the latest losses."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._shown_at = 0.0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Opens the line, in the first process."""
        total = trainer.max_steps if trainer.max_steps > 0 else None
        hidden = not trainer.is_global_zero
        self._bar = tqdm(total=total, initial=trainer.global_step, desc="training", unit="step", disable=hidden)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Moves it on."""
        now = time.monotonic()
        if now - self._shown_at >= SHOW_SECONDS and not self._bar.disable:
            self._shown_at = now
            self._bar.set_postfix(_shown(trainer.progress_bar_metrics), refresh=False)
        self._bar.update(trainer.global_step - self._bar.n)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Closes it."""
        self._bar.close()


def _shown(metrics: Mapping[str, Any]) -> dict[str, str]:
    return {name.split("/")[-1]: f"{float(value):.3f}" for name, value in metrics.items() if name != "v_num"}
