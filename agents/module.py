"""Behavioural cloning: the training loop around a policy."""

import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import lightning
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from agents.data import PolicyDataModule
from agents.policy import Policy, PolicyBatch, PolicyConfig, PolicyState, load
from learning.checkpoint import load_strictly
from learning.distributed import Share, whole_batch
from learning.nn.attention import Memory

log = logging.getLogger(__name__)
DEFAULT = PolicyConfig()


class PolicyModule(lightning.LightningModule):
    """Trains a policy to do what the recorded player did, with its memory carried from batch to batch.

    The learning rate rises over `warmup_steps`, then falls to zero along a cosine at the trainer's last step.
    """

    CONFIG: ClassVar[tuple[str, type[PolicyConfig]]] = ("model.policy", PolicyConfig)
    LINKS: ClassVar[dict[str, str]] = {
        "model.policy.size": "data.size",
        "model.policy.interpolation": "data.interpolation",
    }

    def __init__(
        self,
        policy: PolicyConfig = DEFAULT,
        *,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        warmup_steps: int = 50,
    ) -> None:
        super().__init__()
        # Chunks hold episodes' starts in their middle; a policy that came to overlook them learns to see them.
        self.model = Policy(replace(policy, starts_within_chunks=True))
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.state: PolicyState | None = None
        self.validation_state: PolicyState | None = None
        self._pretrained = False

    def start_from(self, folder: Path) -> None:
        """Starts with the weights of a trained policy. Raises CheckpointError."""
        load_strictly(self.model, load(folder).state_dict(), source=folder)
        self._pretrained = True

    def setup(self, stage: str) -> None:
        """Starts a new policy at the recorded frequencies of the actions; a saved state overwrites that."""
        if stage == "fit" and not self._pretrained:
            datamodule = cast("PolicyDataModule", cast(Any, self.trainer).datamodule)
            self.model.set_priors(*(torch.from_numpy(counts) for counts in datamodule.class_counts()))

    def on_train_start(self) -> None:
        """Puts a memory that was saved where the model is."""
        self.state = self.state and self.state.map(lambda part: part.to(self.device))

    def training_step(self, batch: PolicyBatch, _: int) -> Tensor:
        """One chunk per batch slot."""
        slots = len(batch.frames)
        if self.state and len(self.state.begun) != slots:
            log.info("memory was saved for %d slots, there are %d now: all begin anew.", len(self.state.begun), slots)
            self.state = None
        losses, self.state = self.model.loss(batch, self.state or self.model.initial_state(slots))
        self.log_dict({f"train/{name}": loss for name, loss in losses.items()}, prog_bar=True)
        return losses["total"]

    def on_validation_start(self) -> None:
        """Forgets the recordings of the last validation."""
        self.validation_state = None

    def validation_step(self, batch: PolicyBatch, _: int) -> None:
        """The next chunk of a recording that is not trained on."""
        state = self.validation_state or self.model.initial_state(len(batch.frames))
        losses, self.validation_state = self.model.loss(batch, state)
        self.log_dict(
            {f"validation/{name}": loss for name, loss in losses.items()}, batch_size=int(batch.weight.count_nonzero())
        )

    def configure_optimizers(self) -> Any:
        """AdamW; no weight decay on gains, biases and the relative positions."""
        decayed = [weight for name, weight in self.model.named_parameters() if _is_decayed(name, weight)]
        others = [weight for name, weight in self.model.named_parameters() if not _is_decayed(name, weight)]
        groups = [{"params": decayed, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        # Lightning cannot clip gradients for the fused kind in mixed precision.
        fused = not isinstance(self.trainer.precision_plugin, MixedPrecision)
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, betas=(0.9, 0.98), fused=fused)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": LambdaLR(optimizer, self._rate), "interval": "step"},
        }

    def _rate(self, step: int) -> float:
        """Share of the learning rate at a step."""
        warmup = min(1.0, (step + 1) / max(1, self.warmup_steps))
        progress = min(1.0, step / max(1, self.trainer.max_steps))
        return warmup * 0.5 * (1.0 + math.cos(math.pi * progress))

    def checkpoint_config(self) -> dict[str, Any]:
        """The policy's config as plain YAML values."""
        return self.model.config.to_dict()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps the memory too, that of all processes, so that a resumed run equals an unbroken one."""
        if self.state:
            whole = self.state.map(whole_batch)
            checkpoint["policy_state"] = whole._asdict() | {"memories": [list(memory) for memory in whole.memories]}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes this process's share of the memory back."""
        plain = checkpoint.get("policy_state")
        if plain is None:
            self.state = None
            return
        whole = PolicyState(**plain | {"memories": [Memory(*parts) for parts in plain["memories"]]})
        share = Share.of(self.trainer)
        mine = share.of_batch(len(whole.begun) // share.world)
        self.state = whole.map(lambda part: part[mine])


def _is_decayed(name: str, weight: Tensor) -> bool:
    return weight.ndim > 1 and not name.endswith("basis")
