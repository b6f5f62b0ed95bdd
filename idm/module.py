"""Training of the inverse dynamics model: Lightning holds the loop, and only the loop."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import lightning
import torch
from torch import Tensor

from env.actions import Actions
from idm.calibration import calibrate
from idm.config import IDMConfig, motion_identity
from idm.datamodule import IDMDataModule
from idm.metrics import score
from idm.mirror import mirrored_buttons
from idm.model import ActionLogits, InverseDynamicsModel, load
from idm.nn.motion import MotionFeatures
from learning.checkpoint import load_strictly
from learning.schedules import cosine_schedule
from learning.windows import Batch

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig


class IDMModule(lightning.LightningModule):
    """Trains an InverseDynamicsModel with AdamW, warm-up and a cosine schedule over the run's steps."""

    CONFIG: ClassVar[tuple[str, type[IDMConfig]]] = ("model.network", IDMConfig)
    LINKS: ClassVar[dict[str, str]] = {
        "model.network.frame_size": "data.size",
        "model.network.interpolation": "data.interpolation",
        "model.network.window": "data.window",
    }

    def __init__(
        self,
        network: IDMConfig,
        *,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        warmup_steps: int = 50,
        flip: bool = True,
    ) -> None:
        """`flip` mirrors half of the training windows, with left and right, the hotbar's slots and the yaw swapped."""
        super().__init__()
        self.model = InverseDynamicsModel(network)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.flip = flip
        self._pretrained = False
        self._validated: list[tuple[Actions, Actions]] = []

    def start_from(self, folder: Path) -> None:
        """Starts with the weights of a trained model. Raises CheckpointError."""
        load_strictly(self.model, load(folder).state_dict(), source=folder)
        self._pretrained = True

    def checkpoint_config(self) -> dict[str, Any]:
        """The model's config as plain YAML."""
        return self.model.config.to_dict()

    def on_fit_start(self) -> None:
        """Learns how rare each button is, and lets the data module compute the motion features once."""
        datamodule = cast("IDMDataModule", cast(Any, self.trainer).datamodule)
        identity = motion_identity(self.model.config)
        if identity is not None and self.model.motion is not None:
            motion = datamodule.compute_motion(self.model.motion, identity)
            if not self._pretrained:
                self.model.standardise(torch.from_numpy(motion))
        self.model.weigh_losses(Actions.concatenate(datamodule.played()))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """One batch of windows."""
        if self.flip:
            batch = mirror_some(batch, self.model.motion, pictures=self.model.appearance is not None)
        losses = self.model.loss(batch)
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, batch_size=len(batch.frames))
        self.log("loss", losses["total"], prog_bar=True, logger=False, batch_size=len(batch.frames))
        return losses["total"]

    def validation_step(self, batch: Batch, _: int) -> None:
        """Gathers predictions; they are scored together."""
        losses = self.model.loss(batch)
        self.log_dict({f"validation/{name}": value for name, value in losses.items()}, batch_size=len(batch.frames))
        logits, known = self.model.infer(batch.frames, batch.motion), batch.usable
        found = self.model.decide(ActionLogits(logits.buttons[known], logits.camera[known])).actions
        true = Actions(batch.buttons[known].cpu().numpy(), batch.camera[known].cpu().numpy())
        self._validated.append((found, true))

    def on_validation_epoch_end(self) -> None:
        """Logs macro-F1 and the camera's R²."""
        if not self._validated:
            return
        found, true = (Actions.concatenate(runs) for runs in zip(*self._validated, strict=True))
        self._validated.clear()
        if len(true) == 0:
            return
        scores = score(found, true)
        figures = {"macro_f1": scores.macro_f1, **{f"r2_{axis}": r2 for axis, r2 in scores.camera_r2.items()}}
        self.log_dict({f"validation/{name}": value for name, value in figures.items()})
        self.log("f1", scores.macro_f1, prog_bar=True, logger=False)

    def configure_optimizers(self) -> "OptimizerLRSchedulerConfig":
        """AdamW with warm-up and cosine decay."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        return cosine_schedule(optimizer, warmup_steps=self.warmup_steps, max_steps=self.trainer.max_steps)

    def finish(self, datamodule: IDMDataModule) -> None:
        """Calibrates the trained model on the held-out recordings."""
        if datamodule.validation:
            calibrate(self.model, datamodule.validation)


def mirror_some(batch: Batch, features: MotionFeatures | None, *, pictures: bool = True) -> Batch:
    """Mirrors each window with probability one half: frames, left and right, and the sign of the yaw.

    Without `pictures` the frames stay as they are where their motion features are known: nobody sees them.
    """
    mirrored = torch.rand(len(batch.frames), device=batch.frames.device) < 0.5
    frames, buttons, camera = batch.frames, batch.buttons.clone(), batch.camera.clone()
    if pictures or batch.motion is None:
        frames = frames.clone()
        frames[mirrored] = batch.frames[mirrored].flip(3)
    buttons[mirrored] = batch.buttons[mirrored][..., mirrored_buttons()]
    camera[mirrored, :, 1] = -batch.camera[mirrored, :, 1]
    motion = batch.motion
    if motion is not None and features is not None:
        motion = motion.float()  # under autocast to bfloat16, torch does not concatenate float16
        motion = torch.where(mirrored[:, None, None], features.mirror(motion), motion)
    return batch._replace(frames=frames, buttons=buttons, camera=camera, motion=motion)
