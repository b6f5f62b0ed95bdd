"""The inverse dynamics model: which action lies between each frame and the next, seen from the past and the future."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from env.actions import BUTTONS, Actions
from env.camera import CameraQuantizer
from env.errors import CheckpointError
from idm.config import IDMConfig
from idm.mirror import mirror_buttons, mirror_camera
from idm.nn.cursor import CURSOR_FEATURES, LAGS, CursorReader
from idm.nn.motion import FlowReader, MotionFeatures, MotionReader
from idm.nn.pairs import FramePairCNN
from learning.checkpoint import load_checkpoint, load_strictly, save_checkpoint
from learning.distributed import mean_over_processes
from learning.nn.attention import Memory, Transformer
from learning.nn.heads import CategoricalHead
from learning.nn.impala import FanInConv3d, FanInLinear, ImpalaCNN, in_parts
from learning.stored_frames import StoredFrames
from learning.windows import Batch

LEAST_LOG_PROB = math.log(1e-7)
"""Below it, the loss of a button does not grow."""
LATER = (
    *(
        f"{name}.{buffer}"
        for name in ("calibration", "mirrored_calibration")
        for buffer in ("low_confidence", "camera_top")
    ),
    "mirror_pays",
)
"""Buffers that the first checkpoints do not have."""
LEAST_PROBABILITY = 1e-6
"""Of the camera's likeliest bin not being the true one, for `sure_as`."""
AS_SURE = (1.0, 1.0, 0.0)
"""The weights of `sure_as` that change nothing."""
LOW_CONFIDENCE = 0.01
"""Ticks below it are of low confidence to models whose calibration has not measured their own (see `Calibration`)."""


class ActionLogits(NamedTuple):
    """Log-probabilities of each tick's buttons and camera bins."""

    buttons: Tensor  # (B, T, 20, 2): released, pressed
    camera: Tensor  # (B, T, 2, bins): pitch, yaw; VPT has 11


@dataclass(frozen=True)
class Prediction:
    """What the model makes of a video: actions, and calibrated log-probabilities behind them."""

    actions: Actions
    button_log_probs: NDArray[np.float32]  # (T, 20, 2): released, pressed
    camera_log_probs: NDArray[np.float32]  # (T, 2, bins): pitch, yaw
    quantizer: CameraQuantizer = field(default_factory=CameraQuantizer)  # what the bins are


class Calibration(nn.Module):
    """Turns raw log-probabilities into calibrated ones, and these into decisions. Fitted on held-out play."""

    scale: Tensor
    bias: Tensor
    camera_scale: Tensor
    camera_top: Tensor
    """(2, 3) by axis: how sure of its likeliest bin the camera is, as for `sure_as`."""
    threshold: Tensor
    low_confidence: Tensor
    """() confidence below which the least sure ticks of held-out play lie (see `idm.calibration`); NaN if unknown."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(len(BUTTONS)))
        self.register_buffer("bias", torch.zeros(len(BUTTONS)))
        self.register_buffer("camera_scale", torch.ones(2))
        self.register_buffer("camera_top", torch.tensor(AS_SURE).repeat(2, 1))
        self.register_buffer("threshold", torch.full((len(BUTTONS),), 0.5))
        self.register_buffer("low_confidence", torch.tensor(torch.nan))

    def forward(self, logits: ActionLogits) -> ActionLogits:
        """Log-probabilities -> calibrated log-probabilities, same shapes."""
        margin = (logits.buttons[..., 1] - logits.buttons[..., 0]) * self.scale + self.bias
        buttons = torch.stack([F.logsigmoid(-margin), F.logsigmoid(margin)], dim=-1)
        camera = (logits.camera * self.camera_scale[:, None]).log_softmax(-1)
        if (self.camera_top != torch.tensor(AS_SURE, device=camera.device)).any():
            camera = sure_as(camera, self.camera_top)
        return ActionLogits(buttons, camera)


def sure_as(camera: Tensor, weights: Tensor) -> Tensor:
    """The camera's log-probabilities (..., 2, bins) with others for each axis's likeliest bin; the rest share the rest.

    A probability p of the likeliest becomes one with the log-odds `a log p - b log(1 - p) + c`, by axis in `weights`
    (2, 3): beta calibration (Kull et al., AISTATS 2017). A head that learnt weights on the two bins around an angle is
    less sure of the nearest than it may be, which no scale mends. The likeliest stays the likeliest.
    """
    camera = camera.float()
    (first, second), places = camera.topk(2, dim=-1).values.unbind(-1), camera.argmax(-1, keepdim=True)
    p = first.exp().clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)  # (..., 2)
    wanted = torch.sigmoid(top_log_odds(p, weights))
    least = second.exp() / (1 - p + second.exp())  # with which the second is as likely
    wanted = torch.maximum(wanted, least).clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    others = camera + ((1 - wanted) / (1 - p)).log()[..., None]
    return others.scatter(-1, places, wanted.log()[..., None]).log_softmax(-1)


def top_log_odds(p: Tensor, weights: Tensor) -> Tensor:
    """p: (..., 2) probabilities by axis, strictly between 0 and 1; weights: (2, 3) -> log-odds, as for `sure_as`."""
    return weights[:, 0] * p.log() - weights[:, 1] * (1 - p).log() + weights[:, 2]


class TemporalConv(nn.Module):
    """A residual convolution over neighbouring ticks, both directions; with `causal`, over a tick and those before."""

    def __init__(self, width: int, kernel: int, *, dilation: int = 1, causal: bool = False) -> None:
        """`dilation` is the distance of the ticks it sees."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        padding = dilation * (kernel // 2) * (2 if causal else 1)
        self.conv = nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation)
        self.project = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, D) -> the same shape."""
        seen = self.conv(self.norm(x).transpose(1, 2))[..., : x.shape[1]]  # causal: of both paddings the first counts
        hidden = F.relu(seen).transpose(1, 2)
        out: Tensor = x + self.project(hidden)
        return out


class ImpalaFrames(nn.Module):
    """VPT's image path: an optional convolution over five frames, then the IMPALA network on each frame."""

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        filters = config.temporal_filters
        self.temporal = FanInConv3d(3, filters, kernel=5) if filters else None
        self.cnn = ImpalaCNN(
            size=config.frame_size,
            inputs=filters or 3,
            channels=config.appearance_channels,
            outputs=config.appearance_outputs,
            first_norm=bool(filters),
        )

    def forward(self, frames: Tensor, kept: slice = slice(None)) -> Tensor:
        """frames: uint8 (B, T, H, W, 3) -> features of those in `kept`, (B, kept, outputs)."""
        gathered = frames if self.temporal is None else self.temporal.gather(frames)
        gathered = gathered[:, kept]  # (B, kept, H, W, 3 or 15)
        return in_parts(self._see, gathered.flatten(0, 1)).view(*gathered.shape[:2], -1)

    def _see(self, gathered: Tensor) -> Tensor:
        images = gathered.float() / 255.0
        if self.temporal is not None:
            images = self.temporal(images)  # (N, H, W, C)
        features: Tensor = self.cnn(images.permute(0, 3, 1, 2))
        return features


class InverseDynamicsModel(nn.Module):
    """Infers the action between each frame and the next from past and future frames."""

    positive_weight: Tensor
    camera_spread: Tensor
    mirror_pays: Tensor
    """() bool: whether its calibration found averaging with the mirrored clip better, and cheap (see `mirrors`)."""

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.config = config
        self.camera = config.camera
        self.motion = motion_features(config) if config.has_motion else None
        self.appearance = _appearance(config)
        self.read_motion, self.read_flow = _motion_readers(config, self.motion)
        lags = tuple(lag for lag in LAGS if lag < 0) if config.causal else LAGS
        self.read_cursor = CursorReader(config.cursor_outputs, lags=lags) if config.cursor_outputs else None
        direct = config.change_outputs if config.changes else 0
        self.read_changes = MotionReader(self.motion.cells, direct) if self.motion is not None and direct else None
        features = config.motion_outputs * sum(each is not None for each in (self.read_motion, self.read_flow))
        features += config.appearance_outputs if config.appearance != "none" else 0
        features += config.cursor_outputs + direct
        self.join = FanInLinear(features, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.temporal = nn.Sequential(
            *(
                TemporalConv(
                    config.width, config.temporal_kernel, dilation=config.temporal_dilation**layer, causal=config.causal
                )
                for layer in range(config.temporal_depth)
            )
        )
        self.transformer = Transformer(
            width=config.width,
            depth=config.depth,
            heads=config.heads,
            memory=config.memory,
            reach=config.reach,
            ratio=config.mlp_ratio,
        )
        self.last = FanInLinear(config.width, config.width) if config.last_layer != "none" else None
        if self.last is not None:
            self.last.requires_grad_(config.last_layer == "used")
        self.norm = nn.LayerNorm(config.width)
        self.button_head = CategoricalHead(config.width + direct, [len(BUTTONS)], 2, temperature=config.temperature)
        self.camera_head = CategoricalHead(config.width, [2], config.camera.bins, temperature=config.temperature)
        self.calibration = Calibration()
        self.mirrored_calibration = Calibration()  # of the average with the mirrored clip
        self.register_buffer("mirror_pays", torch.tensor(False))
        self.register_buffer("positive_weight", torch.ones(len(BUTTONS)))
        self.register_buffer("camera_spread", torch.ones(2))

    def forward(self, frames: Tensor, motion: Tensor | None = None) -> ActionLogits:
        """frames: uint8 (B, T, H, W, 3) -> uncalibrated log-probabilities. `motion` is as for `encode`."""
        return self.read(self.encode(frames, motion))

    def encode(self, frames: Tensor, motion: Tensor | None = None, *, kept: slice = slice(None)) -> Tensor:
        """frames: uint8 (B, T, H, W, 3) -> (B, T, D): each frame and the `around` frames before and after it.

        `motion` (B, T, F) are the frames' fixed motion features where they are known already. Only the frames in `kept`
        are encoded, seen with the others.
        """
        features, direct = [], []
        if self.motion is not None:
            motion = self._measure_motion(frames) if motion is None else _without_last(motion.float())
            features += [
                reader(motion[:, kept]) for reader in (self.read_motion, self.read_flow) if reader is not None
            ]  # (B, T, D) each
            if self.read_changes is not None:
                direct.append(self.read_changes(motion[:, kept]))
            if self.read_cursor is not None:
                features.append(self.read_cursor(motion[..., -CURSOR_FEATURES:])[:, kept])
        if self.appearance is not None:
            features.append(self.appearance(frames, kept))  # (B, T, F)
        joined = self.join(self.dropout(torch.cat(features + direct, dim=2)))  # (B, T, width)
        return torch.cat([joined, *direct], dim=2)

    def standardise(self, motion: Tensor) -> None:
        """Learns the fixed motion features' mean and spread from a sample (N, features)."""
        for reader in (self.read_motion, self.read_flow, self.read_changes):
            if reader is not None:
                reader.standardise(motion)

    def encode_views(
        self, frames: Tensor, motion: Tensor | None = None, *, kept: slice = slice(None), mirrored: bool
    ) -> Tensor:
        """As `encode`, (B, T, V, D): the clip alone, or with `mirrored` the clip and its mirror image.

        The fixed motion features of the mirror image follow from the clip's.
        """
        if mirrored and motion is None and self.motion is not None:
            motion = self._measure_motion(frames)
        views = [self.encode(frames, motion, kept=kept)]
        if mirrored:
            reflected = None if motion is None or self.motion is None else self.motion.mirror(motion.float())
            views.append(self.encode(frames.flip(3), reflected, kept=kept))
        return torch.stack(views, dim=2)

    def _measure_motion(self, frames: Tensor) -> Tensor:
        assert self.motion is not None
        with torch.autocast(frames.device.type, enabled=False):  # differences of pixels need all their digits
            motion: Tensor = self.motion(frames)
        return motion

    def compile_images(self, *, backend: str = "inductor") -> None:
        """Lets torch.compile build the image network when it is first used; takes a while, pays on GPUs."""
        if self.appearance is not None:
            self.appearance.compile(backend=backend)

    @property
    def around(self) -> int:
        """Frames before and after a frame that its encoding depends on."""
        if self.read_cursor is not None:
            return max(LAGS) + 1
        return 2 if self.config.temporal_filters else 1

    def read(self, x: Tensor) -> ActionLogits:
        """x: the encoded frames of one window each, (B, T, D) -> uncalibrated log-probabilities."""
        return self.read_on(x, self.initial_state(len(x)))[0]

    def read_views(self, views: Tensor) -> ActionLogits:
        """As `read`, of `encode_views`: (B, T, V, D) -> the mean of what the views say, renormalised.

        The mean is that of log-probabilities: it keeps more of each view's certainty than that of probabilities.
        """
        batch, time, number = views.shape[:3]
        logits = self.read(views.transpose(1, 2).reshape(batch * number, time, -1))
        if number == 1:
            return logits
        buttons, camera = (part.view(batch, number, *part.shape[1:]) for part in logits)
        return ActionLogits(
            ((buttons[:, 0] + mirror_buttons(buttons[:, 1])) / 2).log_softmax(-1),
            ((camera[:, 0] + mirror_camera(camera[:, 1])) / 2).log_softmax(-1),
        )

    def initial_state(self, batch: int) -> list[Memory]:
        """What models with a `memory` carry from one run of a video to the next, before the first."""
        return self.transformer.initial_state(batch, self.norm.weight.device)

    def read_on(self, x: Tensor, state: list[Memory]) -> tuple[ActionLogits, list[Memory]]:
        """As `read`, for the next run of each video: also gives the state for the one after it."""
        if self.config.cloning:
            x = F.pad(x[:, :-1], (0, 0, 1, 0))  # what is known of a tick before it: up to the frame it begins with
        x, direct = x[..., : self.config.width], x[..., self.config.width :]
        x = self.temporal(x)  # (B, T, width), neighbouring ticks
        x, state = self.transformer(x, state)  # (B, T, width), the whole window, both directions in time
        x = self._after_blocks(x)
        return ActionLogits(self.button_head(torch.cat([x, direct], dim=-1)), self.camera_head(x)), state

    def _after_blocks(self, x: Tensor) -> Tensor:
        if self.last is None:
            return F.relu(self.norm(x))
        x = F.relu(x)
        normed: Tensor = self.norm(self.last(x) if self.config.last_layer == "used" else x)
        return normed

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Negative log-likelihood of the true actions; `total` is what to minimise.

        A window's last tick does not count: its result lies outside. Nor do unusable ticks; without any other, the loss
        is 0.
        """
        logits = self(batch.frames, batch.motion)
        counts = batch.usable.clone()
        counts[:, -1] = False
        number = mean_over_processes(counts.sum()).clamp_min(1)
        down, up = logits.buttons.float().clamp_min(LEAST_LOG_PROB).unbind(-1)  # (B, T, 20)
        per_button = -torch.where(batch.buttons, self.positive_weight * up, down)  # (B, T, 20)
        per_axis = -(self._camera_target(batch.camera) * logits.camera).sum(-1)  # (B, T, 2)
        losses = {"buttons": per_button[counts].sum() / number, "camera": per_axis[counts].sum() / number}
        if self.config.degrees_weight:
            error = self._expected(logits.camera) - self._reachable(batch.camera)
            losses["degrees"] = (error / self.camera_spread)[counts].square().sum() / number
        total = losses["buttons"] + losses["camera"] + self.config.degrees_weight * losses.get("degrees", 0.0)
        return {"total": total, **losses}

    def _expected(self, camera: Tensor) -> Tensor:
        """Mean degrees under the camera's log-probabilities: (..., bins) -> (...)."""
        with torch.autocast(camera.device.type, enabled=False):  # bfloat16 would round the degrees
            return camera.exp() @ torch.from_numpy(self.camera.centres).to(camera.device)

    def _reachable(self, camera: Tensor) -> Tensor:
        """Degrees as far as the bins reach."""
        return camera.clamp(-self.camera.max_degrees, self.camera.max_degrees)

    def _camera_target(self, camera: Tensor) -> Tensor:
        """(B, T, 2) degrees -> (B, T, 2, bins) weights of the bins."""
        if self.config.camera_target == "nearest":
            bins = torch.from_numpy(self.camera.encode(camera.cpu().numpy())).to(camera.device)
            return F.one_hot(bins, self.camera.bins).float()
        return weights_between(camera, torch.from_numpy(self.camera.centres).to(camera.device))

    def weigh_losses(self, actions: Actions) -> None:
        """Sets the weights of the loss from the training set: rare buttons and small camera movements weigh more.

        Turns count as far as the camera's bins reach, as in the loss: no single one decides.
        """
        rates = torch.from_numpy(actions.buttons).float().mean(0)
        odds = (1.0 - rates) / rates.clamp_min(1e-6)
        weights = odds.pow(self.config.positive_weight_power).clamp(1.0, self.config.max_positive_weight)
        self.positive_weight.copy_(weights)
        turns = self._reachable(torch.from_numpy(actions.camera))
        self.camera_spread.copy_(turns.std(0, correction=0).clamp_min(0.1))

    @torch.inference_mode()
    def infer(self, frames: Tensor, motion: Tensor | None = None) -> ActionLogits:
        """frames: uint8 (B, T, H, W, 3) -> calibrated log-probabilities. `motion` is as for `encode`."""
        return self.infer_encoded(self.encode_views(frames, motion, mirrored=False))

    @torch.inference_mode()
    def infer_encoded(self, views: Tensor) -> ActionLogits:
        """views: the encoded frames of one window each, (B, T, V, D) -> calibrated log-probabilities."""
        logits: ActionLogits = self.calibration_of(mirrored=views.shape[2] > 1)(self.read_views(views))
        return logits

    def calibration_of(self, *, mirrored: bool) -> Calibration:
        """The calibration of what the clip alone says, or of the average with its mirror image."""
        return self.mirrored_calibration if mirrored else self.calibration

    def mirrors(self, choice: bool | None = None) -> bool:
        """Whether to average with the mirrored clip: as `choice` says, and by default as its calibration found."""
        return bool(self.mirror_pays) if choice is None else choice

    def low_confidence(self, *, mirrored: bool) -> float:
        """Confidence below which a tick's labels are doubtful: by its calibration, or `LOW_CONFIDENCE`."""
        measured = float(self.calibration_of(mirrored=mirrored).low_confidence)
        return LOW_CONFIDENCE if math.isnan(measured) else measured

    def predict(self, frames: NDArray[np.uint8] | StoredFrames, *, mirrored: bool | None = None) -> Prediction:
        """frames: uint8 (T, H, W, 3) at the config's frame size, any T.

        Each frame is encoded once; overlapping windows of them are read, and their centres kept. `mirrored` averages
        with what the mirrored clip says; by default where `mirrors` says so.
        """
        mirrored = self.mirrors(mirrored)
        if frames.ndim != 4 or frames.shape[1:] != (*self.config.frame_size, 3):
            height, width = self.config.frame_size
            raise ValueError(
                f"frames of shape {frames.shape} do not fit: this model sees uint8 (T, {height}, {width}, 3)"
            )
        if len(frames) == 0:
            return Prediction(
                Actions.none(0),
                np.zeros((0, len(BUTTONS), 2), np.float32),
                np.zeros((0, 2, self.camera.bins), np.float32),
                self.camera,
            )
        encoded = self._encode_video(frames, mirrored=mirrored)[None]  # (1, T, V, D)
        pieces = [
            ActionLogits(*(part[0, kept] for part in self.infer_encoded(encoded[:, window])))
            for window, kept in overlapping_windows(len(frames), self.config.window)
        ]
        return self.decide(ActionLogits(*(torch.cat(parts) for parts in zip(*pieces, strict=True))), mirrored=mirrored)

    def decide(self, logits: ActionLogits, *, mirrored: bool = False) -> Prediction:
        """Calibrated log-probabilities (T, 20, 2) and (T, 2, bins), of any precision -> actions.

        `mirrored` says that they are averages with the mirrored clip.
        """
        logits = ActionLogits(*(part.float() for part in logits))
        pressed = logits.buttons[..., 1].exp() > self.calibration_of(mirrored=mirrored).threshold
        if self.config.camera_decode == "expectation":
            camera = self._expected(logits.camera)
        else:
            camera = torch.from_numpy(self.camera.decode(logits.camera.argmax(-1).cpu().numpy()))
        actions = Actions(pressed.cpu().numpy(), camera.cpu().numpy())
        return Prediction(actions, logits.buttons.cpu().numpy(), logits.camera.cpu().numpy(), self.camera)

    def save(self, folder: Path | str, *, metadata: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint folder that `load` reads."""
        return save_checkpoint(folder, "idm", self.config.to_dict(), self.state_dict(), metadata=metadata)

    @torch.inference_mode()
    def _encode_video(self, frames: NDArray[np.uint8] | StoredFrames, *, mirrored: bool) -> Tensor:
        """Each frame once, a window's length at a time: (T, V, D)."""
        around, runs = self.around, []
        for start in range(0, len(frames), self.config.window):
            stop, before = min(start + self.config.window, len(frames)), max(start - around, 0)
            kept = slice(start - before, stop - before)
            pictures = self._tensor(frames[before : stop + around])
            runs.append(self.encode_views(pictures, kept=kept, mirrored=mirrored)[0])
        return torch.cat(runs)

    def _tensor(self, frames: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(np.array(frames))[None].to(self.positive_weight.device)


def motion_features(config: IDMConfig) -> MotionFeatures:
    """The fixed motion features of a model."""
    return MotionFeatures(
        config.motion, config.phase, config.changes, flow=config.flow, cursor=bool(config.cursor_outputs)
    )


def _motion_readers(config: IDMConfig, motion: MotionFeatures | None) -> tuple[MotionReader | None, FlowReader | None]:
    """What reads the shifts of a model's motion features: a layer, and convolutions where it has them over flow."""
    if motion is None:
        return None, None
    if not (config.flow and config.flow_channels):
        return MotionReader(motion.shifts, config.motion_outputs), None
    flow = FlowReader(motion.flows, config.flow, config.flow_channels, config.motion_outputs)
    rest = slice(0, motion.flows.start)
    return MotionReader(rest, config.motion_outputs) if rest.stop else None, flow


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
    load_strictly(model, _with_later_calibration(model, tensors), source=folder)
    return model.eval()


def _with_later_calibration(model: InverseDynamicsModel, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Models saved before these were measured have no low confidence, and one calibration for both ways to infer."""
    fresh = {name: tensor for name, tensor in model.state_dict().items() if name in LATER}
    same = {f"mirrored_{name}": tensor for name, tensor in tensors.items() if name.startswith("calibration.")}
    return {**fresh, **same, **tensors}


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
