"""The inverse dynamics model: which action lies between each frame and the next, seen from the past and the future."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from env.actions import BUTTONS, Actions
from env.camera import CameraQuantizer
from env.errors import CheckpointError
from idm.checkpoint import load_checkpoint, load_strictly, save_checkpoint
from idm.data import Batch
from idm.nn.attention import Transformer
from idm.nn.heads import CategoricalHead
from idm.nn.impala import FanInConv3d, FanInLinear, ImpalaCNN
from idm.nn.motion import MotionFeatures, MotionReader, MotionScale
from idm.nn.pairs import FramePairCNN
from idm.nn.phase import PhaseScale

CAMERA = CameraQuantizer()


@dataclass(frozen=True, kw_only=True)
class IDMConfig:
    """What an inverse dynamics model is made of. Without `motion` and with `appearance: impala` it is VPT's."""

    frame_size: tuple[int, int] = (128, 128)
    """(height, width) of the frames it sees."""
    window: int = 64
    """Frames it was trained to see at once."""
    motion: tuple[MotionScale, ...] = ()
    """Scales of the fixed motion features; none switches them off."""
    phase: tuple[PhaseScale, ...] = ()
    """Sets of large windows for the fixed motion features."""
    motion_outputs: int = 192
    """Features learnt of the motion."""
    dropout: float = 0.1
    """Share of the features hidden in training."""
    appearance: Literal["pairs", "impala", "none"] = "pairs"
    """Image network: a small one on pairs of frames, VPT's IMPALA network, or none."""
    appearance_patch: int = 8
    """Side of the patches the small image network begins with."""
    appearance_channels: tuple[int, ...] = (16, 32, 48)
    appearance_outputs: int = 128
    """Features of the image network per frame."""
    temporal_filters: int = 0
    """Filters of a convolution over five frames before the IMPALA network (VPT: 128); 0 for none."""
    width: int = 192
    """Features per tick."""
    temporal_depth: int = 3
    """Convolutions over neighbouring ticks, before the transformer."""
    temporal_kernel: int = 5
    """Ticks each of them sees."""
    depth: int = 0
    """Transformer blocks."""
    heads: int = 6
    reach: int = 16
    """Ticks either side whose relative position attention knows."""
    camera_decode: Literal["argmax", "expectation"] = "expectation"
    """Degrees of a tick: the centre of the likeliest bin, or the mean over bins."""
    camera_target: Literal["nearest", "between"] = "between"
    """What the camera head learns: the nearest bin, or weights on the two bins around the angle whose mean it is."""
    degrees_weight: float = 1.0
    """Weight of the squared error of the mean over bins, in units of the camera's spread."""
    positive_weight_power: float = 0.5
    """Pressed ticks of a button weigh (released / pressed) ** power in the loss."""
    max_positive_weight: float = 8.0

    def __post_init__(self) -> None:
        if self.appearance == "none" and not (self.motion or self.phase):
            raise ValueError("an IDM needs motion scales or an appearance network: both are switched off")

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> Self:
        """From plain YAML."""
        values = _tuples(dict(config))
        values["motion"] = tuple(MotionScale(**scale) for scale in values.get("motion", ()))
        values["phase"] = tuple(PhaseScale(**scale) for scale in values.get("phase", ()))
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """As plain YAML."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _tuples(value: Any) -> Any:
    """The opposite of _plain: lists become tuples."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


class ActionLogits(NamedTuple):
    """Log-probabilities of each tick's buttons and camera bins."""

    buttons: Tensor  # (B, T, 20, 2): released, pressed
    camera: Tensor  # (B, T, 2, 11): pitch, yaw


@dataclass(frozen=True)
class Prediction:
    """What the model makes of a video: actions, and calibrated log-probabilities behind them."""

    actions: Actions
    button_log_probs: NDArray[np.float32]  # (T, 20, 2): released, pressed
    camera_log_probs: NDArray[np.float32]  # (T, 2, 11): pitch, yaw


class Calibration(nn.Module):
    """Turns raw log-probabilities into calibrated ones, and these into decisions. Fitted on held-out play."""

    scale: Tensor
    bias: Tensor
    camera_scale: Tensor
    threshold: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(len(BUTTONS)))
        self.register_buffer("bias", torch.zeros(len(BUTTONS)))
        self.register_buffer("camera_scale", torch.ones(2))
        self.register_buffer("threshold", torch.full((len(BUTTONS),), 0.5))

    def forward(self, logits: ActionLogits) -> ActionLogits:
        """Log-probabilities -> calibrated log-probabilities, same shapes."""
        margin = (logits.buttons[..., 1] - logits.buttons[..., 0]) * self.scale + self.bias
        buttons = torch.stack([F.logsigmoid(-margin), F.logsigmoid(margin)], dim=-1)
        return ActionLogits(buttons, (logits.camera * self.camera_scale[:, None]).log_softmax(-1))


class TemporalConv(nn.Module):
    """A residual convolution over neighbouring ticks, both directions."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, kernel_size=kernel, padding=kernel // 2)
        self.project = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, D) -> the same shape."""
        hidden = F.relu(self.conv(self.norm(x).transpose(1, 2))).transpose(1, 2)
        out: Tensor = x + self.project(hidden)
        return out


class ImpalaFrames(nn.Module):
    """VPT's image path: an optional convolution over five frames, then the IMPALA network on each frame."""

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        filters = config.temporal_filters
        self.temporal = FanInConv3d(3, filters, kernel=5) if filters else nn.Identity()
        self.cnn = ImpalaCNN(
            size=config.frame_size,
            inputs=filters or 3,
            channels=config.appearance_channels,
            outputs=config.appearance_outputs,
            first_norm=bool(filters),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """frames: uint8 (B, T, H, W, 3) -> (B, T, outputs)."""
        images = frames.float() / 255.0
        images = self.temporal(images.permute(0, 4, 1, 2, 3)).transpose(1, 2)  # (B, T, C, H, W)
        features: Tensor = self.cnn(images.flatten(0, 1))
        return features.view(*frames.shape[:2], -1)


class InverseDynamicsModel(nn.Module):
    """Infers the action between each frame and the next from past and future frames."""

    positive_weight: Tensor
    camera_spread: Tensor

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.config = config
        self.motion = MotionFeatures(config.motion, config.phase) if config.motion or config.phase else None
        self.appearance = _appearance(config)
        self.read_motion = (
            MotionReader(self.motion.features, config.motion_outputs) if self.motion is not None else None
        )
        features = (config.motion_outputs if self.motion is not None else 0) + (
            config.appearance_outputs if config.appearance != "none" else 0
        )
        self.join = FanInLinear(features, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.temporal = nn.Sequential(
            *(TemporalConv(config.width, config.temporal_kernel) for _ in range(config.temporal_depth))
        )
        self.transformer = Transformer(width=config.width, depth=config.depth, heads=config.heads, reach=config.reach)
        self.norm = nn.LayerNorm(config.width)
        self.button_head = CategoricalHead(config.width, [len(BUTTONS)], 2)
        self.camera_head = CategoricalHead(config.width, [2], CAMERA.bins)
        self.calibration = Calibration()
        self.register_buffer("positive_weight", torch.ones(len(BUTTONS)))
        self.register_buffer("camera_spread", torch.ones(2))

    def forward(self, frames: Tensor, motion: Tensor | None = None) -> ActionLogits:
        """frames: uint8 (B, T, H, W, 3) -> uncalibrated log-probabilities. `motion` is as for `encode`."""
        return self.read(self.encode(frames, motion))

    def encode(self, frames: Tensor, motion: Tensor | None = None) -> Tensor:
        """frames: uint8 (B, T, H, W, 3) -> (B, T, D): each frame and the `around` frames before and after it.

        `motion` (B, T, F) are the frames' fixed motion features where they are known already.
        """
        features = []
        if self.motion is not None and self.read_motion is not None:
            motion = self.motion(frames) if motion is None else _without_last(motion.float())
            features.append(self.read_motion(motion))  # (B, T, D)
        if self.appearance is not None:
            features.append(self.appearance(frames))  # (B, T, F)
        joined: Tensor = self.join(self.dropout(torch.cat(features, dim=2)))  # (B, T, D)
        return joined

    @property
    def around(self) -> int:
        """Frames before and after a frame that its encoding depends on."""
        return 2 if self.config.temporal_filters else 1

    def read(self, x: Tensor) -> ActionLogits:
        """x: the encoded frames of one window each, (B, T, D) -> uncalibrated log-probabilities."""
        x = self.temporal(x)  # (B, T, D), neighbouring ticks
        x, _ = self.transformer(x)  # (B, T, D), the whole window, both directions in time
        x = F.relu(self.norm(x))
        return ActionLogits(self.button_head(x), self.camera_head(x))

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Negative log-likelihood of the true actions; `total` is what to minimise.

        A window's last tick does not count: its result lies outside.
        """
        logits = self(batch.frames, batch.motion)
        counts = batch.usable.clone()
        counts[:, -1] = False
        per_button = F.binary_cross_entropy(  # (B, T, 20)
            logits.buttons[..., 1].exp().clamp(1e-7, 1 - 1e-7),
            batch.buttons.float(),
            weight=torch.where(batch.buttons, self.positive_weight, 1.0),
            reduction="none",
        )
        per_axis = -(self._camera_target(batch.camera) * logits.camera).sum(-1)  # (B, T, 2)
        losses = {"buttons": per_button[counts].sum(-1).mean(), "camera": per_axis[counts].sum(-1).mean()}
        if self.config.degrees_weight:
            error = self._expected(logits.camera) - batch.camera.clamp(-CAMERA.max_degrees, CAMERA.max_degrees)
            losses["degrees"] = (error / self.camera_spread)[counts].square().sum(-1).mean()
        total = losses["buttons"] + losses["camera"] + self.config.degrees_weight * losses.get("degrees", 0.0)
        return {"total": total, **losses}

    def _expected(self, camera: Tensor) -> Tensor:
        """Mean degrees under the camera's log-probabilities: (..., 11) -> (...)."""
        return camera.exp() @ torch.from_numpy(CAMERA.centres).to(camera.device)

    def _camera_target(self, camera: Tensor) -> Tensor:
        """(B, T, 2) degrees -> (B, T, 2, 11) weights of the bins."""
        if self.config.camera_target == "nearest":
            bins = torch.from_numpy(CAMERA.encode(camera.cpu().numpy())).to(camera.device)
            return F.one_hot(bins, CAMERA.bins).float()
        return weights_between(camera, torch.from_numpy(CAMERA.centres).to(camera.device))

    def weigh_losses(self, actions: Actions) -> None:
        """Sets the weights of the loss from the training set: rare buttons and small camera movements weigh more."""
        rates = torch.from_numpy(actions.buttons).float().mean(0)
        odds = (1.0 - rates) / rates.clamp_min(1e-6)
        weights = odds.pow(self.config.positive_weight_power).clamp(1.0, self.config.max_positive_weight)
        self.positive_weight.copy_(weights)
        self.camera_spread.copy_(torch.from_numpy(actions.camera).std(0).clamp_min(0.1))

    @torch.inference_mode()
    def infer(self, frames: Tensor, motion: Tensor | None = None) -> ActionLogits:
        """frames: uint8 (B, T, H, W, 3) -> calibrated log-probabilities. `motion` is as for `encode`."""
        return self.infer_encoded(self.encode(frames, motion))

    @torch.inference_mode()
    def infer_encoded(self, x: Tensor) -> ActionLogits:
        """x: the encoded frames of one window each, (B, T, D) -> calibrated log-probabilities."""
        logits: ActionLogits = self.calibration(self.read(x))
        return logits

    def predict(self, frames: NDArray[np.uint8]) -> Prediction:
        """frames: uint8 (T, H, W, 3) at the config's frame size, any T. Works in overlapping windows, centres kept."""
        if frames.ndim != 4 or frames.shape[1:] != (*self.config.frame_size, 3):
            height, width = self.config.frame_size
            raise ValueError(
                f"frames of shape {frames.shape} do not fit: this model sees uint8 (T, {height}, {width}, 3)"
            )
        if len(frames) == 0:
            return Prediction(
                Actions.none(0), np.zeros((0, len(BUTTONS), 2), np.float32), np.zeros((0, 2, CAMERA.bins), np.float32)
            )
        pieces = [
            ActionLogits(*(part[0, kept] for part in self.infer(self._tensor(frames[window]))))
            for window, kept in overlapping_windows(len(frames), self.config.window)
        ]
        return self.decide(ActionLogits(*(torch.cat(parts) for parts in zip(*pieces, strict=True))))

    def decide(self, logits: ActionLogits) -> Prediction:
        """Calibrated log-probabilities (T, 20, 2) and (T, 2, 11) -> actions."""
        pressed = logits.buttons[..., 1].exp() > self.calibration.threshold
        if self.config.camera_decode == "expectation":
            camera = self._expected(logits.camera)
        else:
            camera = torch.from_numpy(CAMERA.decode(logits.camera.argmax(-1).cpu().numpy()))
        actions = Actions(pressed.cpu().numpy(), camera.cpu().numpy())
        return Prediction(actions, logits.buttons.cpu().numpy(), logits.camera.cpu().numpy())

    def save(self, folder: Path | str, *, metadata: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint folder that `load` reads."""
        return save_checkpoint(folder, "idm", self.config.to_dict(), self.state_dict(), metadata=metadata)

    def _tensor(self, frames: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(np.array(frames))[None].to(self.positive_weight.device)


def _without_last(motion: Tensor) -> Tensor:
    """What comes after a window is not known in it: its last tick has no motion."""
    return F.pad(motion[:, :-1], (0, 0, 0, 1))


def _appearance(config: IDMConfig) -> nn.Module | None:
    if config.appearance == "none":
        return None
    if config.appearance == "impala":
        return ImpalaFrames(config)
    return FramePairCNN(
        size=config.frame_size,
        patch=config.appearance_patch,
        channels=config.appearance_channels,
        outputs=config.appearance_outputs,
    )


def load(folder: Path | str) -> InverseDynamicsModel:
    """The model of a checkpoint folder, ready to predict. Raises CheckpointError."""
    config, tensors = load_checkpoint(folder, "idm")
    try:
        model = InverseDynamicsModel(IDMConfig.from_dict(config))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder} holds a config this version cannot build: {error}.") from None
    load_strictly(model, tensors, source=folder)
    return model.eval()


def weights_between(degrees: Tensor, centres: Tensor) -> Tensor:
    """Weights on the two centres around each angle whose mean is the angle. (...) -> (..., bins); clips at the ends."""
    degrees = degrees.clamp(float(centres[0]), float(centres[-1]))
    upper = torch.searchsorted(centres, degrees.contiguous()).clamp(1, len(centres) - 1)
    share = (degrees - centres[upper - 1]) / (centres[upper] - centres[upper - 1])
    below, above = F.one_hot(upper - 1, len(centres)), F.one_hot(upper, len(centres))
    return below * (1.0 - share)[..., None] + above * share[..., None]


def overlapping_windows(length: int, window: int) -> list[tuple[slice, slice]]:
    """Windows that overlap by half, and the part of each to keep: together these cover `length` ticks once.

    The parts kept lie a quarter of a window from its ends, except where the video begins and ends.
    """
    if length <= window:
        return [(slice(0, length), slice(0, length))]
    margin = window // 4
    starts = [*range(0, length - window, window - 2 * margin), length - window]
    pieces, done = [], 0
    for start in starts:
        stop = length if start == starts[-1] else start + window - margin
        if stop > done:
            pieces.append((slice(start, start + window), slice(done - start, stop - start)))
            done = stop
    return pieces
