"""What happens around a training step: seeds, saved states, Ctrl-C, and the line that shows the progress."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from env.files import atomic_path

STATE_FILE = "last.ckpt"


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
    """Ctrl-C ends the run after the step in hand, or the next one between two; a second Ctrl-C ends it at once.

    It stands before `SaveState`, which saves where the run stops.
    """

    def __init__(self) -> None:
        self.stopped = False
        """Whether the run ended before its last step."""
        self._asked = False
        self._before: Any = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Takes over Ctrl-C."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self._asked = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        self._before = signal.signal(signal.SIGINT, stop)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stops the run here and nowhere else: asked to stop later, Lightning would do so without a saved state."""
        self.stopped = self._asked and trainer.global_step < trainer.max_steps
        trainer.should_stop = trainer.should_stop or self.stopped

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
