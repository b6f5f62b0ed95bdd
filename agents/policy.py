"""The policy: a causal transformer over image features that says what to do next (VPT, arXiv 2206.11795)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agents.codec import JointCodec
from env.errors import CheckpointError
from learning.checkpoint import load_checkpoint, load_strictly
from learning.distributed import mean_over_processes
from learning.nn.attention import Memory, Transformer
from learning.nn.heads import ValueHead, log_probs
from learning.nn.impala import FanInLinear, ImpalaCNN, in_parts


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """Size of a policy, and of the frames it sees. The defaults train on a CPU."""

    size: tuple[int, int] = (64, 64)
    """Height and width of the frames; every picture is resized to it, in training as in play."""
    interpolation: Literal["linear"] | None = None
    """How pictures are shrunk to that size: averaged, or `linear` as for OpenAI's models (see `env.video.resize`)."""
    channels: tuple[int, ...] = (16, 32, 32)
    """Channels of the image network's down-stacks; each halves the picture."""
    image_blocks: int = 1
    """Residual blocks per down-stack."""
    motion: bool = False
    """Whether the image network also sees what changed since the frame before (VPT: no)."""
    features: int = 256
    """Outputs of the image network per frame."""
    width: int = 128
    """Features per tick in the transformer."""
    depth: int = 2
    """Transformer blocks."""
    heads: int = 4
    memory: int = 64
    """Ticks that each block can look back, the present one included."""
    mlp_ratio: int = 4
    """Width of the blocks' hidden layers, in units of `width`."""
    temperature: float = 1.0
    """The action heads' logits are divided by it."""
    conditional_camera: bool = True
    """Whether the camera head counts, and learns, only at ticks whose buttons say that the camera moves (VPT: no)."""
    starts_within_chunks: bool = True
    """Whether an episode may start anywhere in a chunk. OpenAI's code overlooks a start after a chunk's first tick."""

    def __post_init__(self) -> None:
        if min(self.size) < 2 ** len(self.channels):
            raise ValueError(f"size {self.size} is too small for {len(self.channels)} halvings")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if min(self.depth, self.memory) < 1:
            raise ValueError(f"depth ({self.depth}) and memory ({self.memory}) must be 1 or more")
        if self.mlp_ratio < 1 or not self.temperature > 0.0:
            raise ValueError(
                f"mlp_ratio ({self.mlp_ratio}) must be 1 or more, temperature ({self.temperature}) more than 0"
            )

    @classmethod
    def vpt(cls, scale: int = 2) -> Self:
        """VPT's policy (arXiv 2206.11795, appendix D): 1, 2 and 3 are published, with 71, 248 and 532 M weights."""
        return cls(
            size=(128, 128),
            interpolation="linear",
            channels=(64 * scale, 128 * scale, 128 * scale),
            image_blocks=2,
            features=256,
            width=1024 * scale,
            depth=4,
            heads=8 * scale,
            memory=128,
            temperature=2.0,
            conditional_camera=False,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From what `to_dict` gave."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


class PolicyState(NamedTuple):
    """What a policy remembers of each episode in a batch."""

    memories: list[Memory]
    """Keys and values of the last ticks, block by block."""
    frame: Tensor
    """uint8 (B, H, W, 3), the last frame; for the motion to the next."""
    begun: Tensor
    """(B,) bool, whether there was a frame."""

    def select(self, rows: Sequence[int]) -> "PolicyState":
        """The memory of some of the episodes, in the order asked for."""
        index = torch.tensor(rows, dtype=torch.long, device=self.frame.device)
        return self.map(lambda part: part[index])

    def detach(self) -> "PolicyState":
        """This state, through which no gradient flows back."""
        return self.map(Tensor.detach)

    def map(self, change: Callable[[Tensor], Tensor]) -> "PolicyState":
        """What `change` makes of each tensor, whose first dimension is the episodes'."""
        memories = [Memory(*(change(part) for part in memory)) for memory in self.memories]
        return PolicyState(memories, change(self.frame), change(self.begun))


class PolicyOutput(NamedTuple):
    """What to do at each tick, and how well it will go."""

    button_log_probs: Tensor
    """(B, T, 8641) over the joint button classes."""
    camera_log_probs: Tensor
    """(B, T, 121) over the pairs of camera bins, given that the button class says the camera moves."""
    value: Tensor
    """(B, T) in units of the reward; untrained by behavioural cloning."""


class PolicyBatch(NamedTuple):
    """Chunks of recordings, one per batch slot; the next batch goes on where this one ends."""

    frames: Tensor
    """uint8 (B, T, H, W, 3), at the policy's size."""
    first: Tensor
    """(B, T) bool, True where a recording starts: nothing before it is remembered."""
    buttons: Tensor
    """(B, T) int64, joint button classes."""
    camera: Tensor
    """(B, T) int64, joint camera classes."""
    weight: Tensor
    """(B, T) float32, how much each tick counts in the loss; 0 for unusable ones."""


class Policy(nn.Module):
    """Acts from frames alone, through a memory of the last ticks.

    The camera head is conditional unless the config says otherwise: it is trained, and means something, only at ticks
    whose button class carries the camera bit. (VPT trains it on every tick; then sampling both heads turns "does the
    camera move?" into two coin flips where there should be one.)
    """

    camera_moves: Tensor

    def __init__(self, config: PolicyConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PolicyConfig()
        codec = JointCodec()
        self.image = ImpalaCNN(
            size=config.size,
            inputs=6 if config.motion else 3,
            channels=config.channels,
            blocks=config.image_blocks,
            outputs=config.features,
            exact_norm=False,
        )
        self.linear = FanInLinear(config.features, config.width)
        self.transformer = Transformer(
            width=config.width,
            depth=config.depth,
            heads=config.heads,
            causal=True,
            memory=config.memory,
            ratio=config.mlp_ratio,
        )
        self.last = FanInLinear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.button_head = nn.Linear(config.width, codec.button_count)
        self.camera_head = nn.Linear(config.width, codec.camera_count)
        self.value_head = ValueHead(config.width)
        for head in (self.button_head, self.camera_head, self.value_head):
            nn.init.orthogonal_(head.weight, 0.01)
            nn.init.zeros_(head.bias)
        self.register_buffer("camera_moves", torch.from_numpy(codec.camera_classes()), persistent=False)  # (8641,)

    def initial_state(self, batch: int) -> PolicyState:
        """The memory of `batch` episodes that have not begun."""
        device = self.norm.weight.device
        return PolicyState(
            self.transformer.initial_state(batch, device),
            torch.zeros(batch, *self.config.size, 3, dtype=torch.uint8, device=device),
            torch.zeros(batch, dtype=torch.bool, device=device),
        )

    def set_priors(self, button_counts: Tensor, camera_counts: Tensor) -> None:
        """Starts the heads at the frequencies of the classes: counts (8641,) and (121,).

        Without this, training begins by pushing all features to one side, to make thousands of classes unlikely.
        """
        for head, counts in ((self.button_head, button_counts), (self.camera_head, camera_counts)):
            smoothed = counts.double() + 0.01
            head.bias.data.copy_((smoothed / smoothed.sum()).log() * self.config.temperature)

    def forward(
        self,
        frames: Tensor,
        state: PolicyState,
        first: Tensor,
        *,
        button_mask: Tensor | None = None,
        camera_mask: Tensor | None = None,
    ) -> tuple[PolicyOutput, PolicyState]:
        """frames: uint8 (B, T, H, W, 3) at `config.size`; first: (B, T) bool, True where an episode starts.

        Masks are True for the classes that are allowed: bool (8641,) and (121,), or one per tick (B, T, ...).
        """
        if frames.shape[2:4] != self.config.size:
            size = tuple(frames.shape[2:4])
            raise ValueError(f"frames of size {size} for a policy of size {self.config.size}; resize them first")
        if not self.config.starts_within_chunks:
            first = torch.cat([first[:, :1], torch.zeros_like(first[:, 1:])], 1)
        x = self.encode(frames, _frames_before(frames, state, first))  # (B, T, D)
        x, memories = self.transformer(x, state.memories, first)
        x = self.norm(self.last(F.relu(x)))
        output = PolicyOutput(
            log_probs(self.button_head(x), temperature=self.config.temperature, mask=button_mask),
            log_probs(self.camera_head(x), temperature=self.config.temperature, mask=camera_mask),
            self.value_head.denormalise(self.value_head(x)),
        )
        return output, PolicyState(memories, frames[:, -1], torch.ones_like(state.begun))

    def encode(self, frames: Tensor, before: Tensor) -> Tensor:
        """Each frame, with the one before it if motion counts: uint8 (B, T, H, W, 3) both -> (B, T, width)."""
        images = frames.flatten(0, 1).float() / 255.0  # (B T, H, W, 3)
        if self.config.motion:
            images = torch.cat([images, images - before.flatten(0, 1).float() / 255.0], -1)  # (B T, H, W, 6)
        features: Tensor = self.linear(in_parts(self.image, images.permute(0, 3, 1, 2)))  # (B T, D)
        return features.view(*frames.shape[:2], -1)

    def log_prob(self, output: PolicyOutput, buttons: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of joint classes (B, T): of the buttons, and of the camera.

        A conditional camera's is 0 where the buttons say that it does not move.
        """
        button_log_prob = output.button_log_probs.gather(-1, buttons[..., None]).squeeze(-1)
        camera_log_prob = output.camera_log_probs.gather(-1, camera[..., None]).squeeze(-1)
        if self.config.conditional_camera:
            camera_log_prob = camera_log_prob * self.camera_moves[buttons]
        return button_log_prob, camera_log_prob

    def loss(self, batch: PolicyBatch, state: PolicyState) -> tuple[dict[str, Tensor], PolicyState]:
        """Behavioural cloning: the negative log-likelihood of what the player did, in nats per tick.

        `total` is to be minimised; ticks count by their weight. Also returns the memory for the next batch, detached.
        """
        output, state = self(batch.frames, state, batch.first)
        buttons, camera = self.log_prob(output, batch.buttons, batch.camera)
        total_weight = mean_over_processes(batch.weight.sum()).clamp(min=1e-6)
        button_loss = -(buttons * batch.weight).sum() / total_weight
        camera_loss = -(camera * batch.weight).sum() / total_weight
        losses = {"total": button_loss + camera_loss, "buttons": button_loss.detach(), "camera": camera_loss.detach()}
        return losses, state.detach()


def _frames_before(frames: Tensor, state: PolicyState, first: Tensor) -> Tensor:
    """The frame before each: (B, T, H, W, 3). An episode's first frame has itself, so that nothing moves."""
    before = torch.cat([state.frame[:, None], frames[:, :-1]], 1)
    begun = torch.cat([state.begun[:, None], torch.ones_like(first[:, 1:])], 1)  # (B, T)
    return torch.where((begun & ~first)[..., None, None, None], before, frames)


def load(folder: Path | str) -> Policy:
    """A trained policy from its checkpoint folder, in evaluation mode. Raises CheckpointError."""
    config, tensors = load_checkpoint(folder, "policy")
    try:
        policy = Policy(PolicyConfig.from_dict(config))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder} holds a config this version cannot build: {error}.") from None
    load_strictly(policy, _with_value_statistics(policy, tensors), source=folder)
    return policy.eval()


def _with_value_statistics(policy: Policy, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Policies saved before values were normalised have no statistics of them: they start afresh."""
    fresh = {f"value_head.{name}": buffer for name, buffer in policy.value_head.named_buffers()}
    return {**fresh, **tensors}
