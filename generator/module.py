"""The training loop of the generator: first the autoencoder, then the transformer on its latents, in one run."""

from pathlib import Path
from typing import Any, ClassVar, cast

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from env.errors import GhostkeysError
from generator.data import ClipBatch, Clips, ClipsDataModule
from generator.model import GeneratorConfig, LatentBatch, VideoGenerator
from generator.noise import Noise
from generator.vae import to_pixels
from learning.distributed import Share, main_process_first

FIT_FRAMES = 1024
"""Frames that the autoencoder's linear path and the latents' normalisation are computed from."""


class GeneratorModule(lightning.LightningModule):
    """Trains the autoencoder for `vae_steps` and the diffusion transformer for the rest of `trainer.max_steps`.

    In between the latents of all frames are computed once, and kept in the run's folder until it is finished.
    """

    LINKS: ClassVar[dict[str, str]] = {
        "model.config.vae.size": "data.size",
        "model.config.dit.context": "data.context",
    }

    def __init__(
        self,
        config: GeneratorConfig,
        *,
        vae_steps: int = 1000,
        vae_learning_rate: float = 1e-3,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        warmup_steps: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.model = VideoGenerator(config)
        self.vae_steps = vae_steps
        self.vae_learning_rate = vae_learning_rate
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.seed = seed
        self._latents: NDArray[np.float16] | None = None
        self._prepared = False

    def checkpoint_config(self) -> dict[str, Any]:
        """The model's config as plain YAML."""
        return self.model.config.to_dict()

    @property
    def _data(self) -> ClipsDataModule:
        return cast("ClipsDataModule", cast(Any, self.trainer).datamodule)

    def setup(self, stage: str) -> None:
        """Checks the budget."""
        if self.trainer.max_steps <= self.vae_steps:
            raise GhostkeysError(
                f"trainer.max_steps ({self.trainer.max_steps}) must exceed model.vae_steps ({self.vae_steps}): "
                "the rest of the steps trains the transformer."
            )

    def on_train_start(self) -> None:
        """Starts a fresh autoencoder from the principal components of some frames."""
        if self.global_step == 0:
            self.model.vae.fit_linear_path(to_pixels(self._some_frames()))

    def finish(self, datamodule: ClipsDataModule) -> None:
        """Removes the latents after the last step."""
        self._latents = None
        if self.trainer.is_global_zero and datamodule.clips is not None:
            datamodule.clips.forget_latents(Path(self.trainer.default_root_dir))

    def training_step(self, batch: Tensor | ClipBatch, index: int) -> Tensor:
        """batch: numbers (B,) of clips, or clips of streamed play."""
        noise = self._noise(index)
        if self.global_step < self.vae_steps:
            losses, name = self.model.vae.loss(to_pixels(self._last_frames(batch)), noise=noise), "vae"
        else:
            losses, name = self.model.loss(self._latents_of(batch), noise=noise), "dit"
        self.log_dict({f"{name}/{key}": value for key, value in losses.items()}, prog_bar=True)
        return losses["total"]

    def _last_frames(self, batch: Tensor | ClipBatch) -> Tensor:
        """The last context frame of each clip, uint8 (B, H, W, 3)."""
        if isinstance(batch, ClipBatch):
            return batch.frames[:, self.model.context - 1]
        return cast("Clips", self._data.clips).frames(batch.cpu().numpy()).to(self.device)

    def _latents_of(self, batch: Tensor | ClipBatch) -> LatentBatch:
        """The clips' latents with their actions; those of decoded play are encoded once, all together."""
        self._prepare_latents()
        context = self.model.context
        if isinstance(batch, ClipBatch):
            latents = self._encoded(batch.frames)
            return LatentBatch(latents[:, :context], batch.actions, latents[:, context:])
        clips = cast("Clips", self._data.clips)
        return clips.latents(batch.cpu().numpy(), cast("NDArray[np.float16]", self._latents)).to(self.device)

    def _encoded(self, frames: Tensor) -> Tensor:
        """Latents of frames, from the finished autoencoder: without what it does in training alone."""
        was_training = self.model.vae.training
        self.model.vae.eval()
        latents = self.model.encode(frames)
        self.model.vae.train(was_training)
        return latents

    def _noise(self, batch_idx: int) -> Noise:
        """Random numbers of this step and its batch alone."""
        micro = batch_idx % self.trainer.accumulate_grad_batches
        key = np.random.SeedSequence((self.seed, self.global_step, micro))
        generator = torch.Generator(self.device).manual_seed(int(key.generate_state(1)[0]))
        return Noise(generator, Share.of(self.trainer))

    def validation_step(self, clips: Tensor, index: int) -> None:
        """clips: numbers (B,) of validation clips. The part in training is measured, with the same noise each time."""
        validation = self._data.held_out_clips
        numbers = clips.cpu().numpy()
        noise = Noise(torch.Generator(self.device).manual_seed((self.seed << 32) + index))
        if self.global_step <= self.vae_steps:
            pixels = to_pixels(validation.frames(numbers).to(self.device))
            losses, name = self.model.vae.loss(pixels, noise=noise), "vae"
        else:
            latents = self.model.encode(validation.windows(numbers).to(self.device))
            batch = validation.batch(numbers, latents).to(self.device)
            losses, name = self.model.loss(batch, noise=noise), "dit"
        figures = {f"validation/{name}_{key}": value for key, value in losses.items()}
        self.log_dict(figures, batch_size=len(clips))

    def configure_optimizers(self) -> Any:
        """AdamW; each part of the model has its own warm-up and linear decay to zero."""
        end = self.trainer.max_steps
        optimizer = AdamW(
            [
                {"params": self.model.vae.parameters(), "lr": self.vae_learning_rate},
                {"params": self.model.dit.parameters(), "lr": self.learning_rate},
            ],
            weight_decay=self.weight_decay,
            betas=(0.9, 0.99),
        )
        spans = [(0, self.vae_steps), (self.vae_steps, end)]
        scheduler = LambdaLR(optimizer, [self._schedule(*span) for span in spans])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _schedule(self, start: int, end: int) -> Any:
        """Learning rate's factor by step: linear warm-up after `start`, linear decay to `end`, zero outside."""

        def factor(step: int) -> float:
            warm = (step - start + 1) / max(1, min(self.warmup_steps, end - start))
            return max(0.0, min(1.0, warm, (end - step) / max(1, end - start)))

        return factor

    def _prepare_latents(self) -> None:
        """After the autoencoder's last step: what all latents are scaled by, and the latents of all decoded frames."""
        clips = self._data.clips
        if self._prepared:
            return
        self.model.eval()
        if self.global_step == self.vae_steps:
            self.model.set_normalisation(self.model.encode(self._some_frames()))
        if clips is not None:
            with main_process_first():
                self._latents = clips.encode(self.model, Path(self.trainer.default_root_dir))
        self.model.train()
        self._prepared = True

    def _some_frames(self) -> Tensor:
        """uint8 (B, H, W, 3), the same ones at every call."""
        return self._data.some_frames(FIT_FRAMES).to(self.device)
