"""What an inverse dynamics model is made of."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from env.camera import CameraQuantizer
from idm.nn.changes import ChangeGrid
from idm.nn.flow import FlowGrid
from idm.nn.motion import MotionScale
from idm.nn.phase import PhaseScale


@dataclass(frozen=True, kw_only=True)
class IDMConfig:
    """What an inverse dynamics model is made of; `vpt` gives VPT's."""

    frame_size: tuple[int, int] = (128, 128)
    """(height, width) of the frames it sees."""
    interpolation: Literal["linear"] | None = None
    """How pictures are shrunk to that size: averaged, or `linear` as for OpenAI's models (see `env.video.resize`)."""
    window: int = 64
    """Frames it was trained to see at once."""
    motion: tuple[MotionScale, ...] = ()
    """Scales of tiles whose shifts are fixed motion features."""
    phase: tuple[PhaseScale, ...] = ()
    """Sets of large windows for the fixed motion features."""
    flow: tuple[FlowGrid, ...] = ()
    """Grids of dense optical flow among the fixed motion features."""
    flow_channels: tuple[int, ...] = ()
    """Convolutions over the cells of flow, each halving them; none reads them like the other motion features."""
    changes: tuple[ChangeGrid, ...] = ()
    """Parts of the picture, such as a hotbar, whose cells' changes are fixed features, too."""
    change_outputs: int = 64
    """Features learnt of these changes. The buttons' head sees them directly, too: few presses teach it."""
    cursor_outputs: int = 0
    """Features learnt of a cursor that moves while the picture stands still, as over a screen; 0 for none."""
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
    temporal_dilation: int = 1
    """How many times farther apart the ticks of each of them lie than those of the one before."""
    causal: bool = False
    """Sees of the future only the next frame, on which a tick's action shows; for comparison, without a transformer."""
    cloning: bool = False
    """Sees of the future nothing at all, as behavioural cloning does; for comparison, with `causal`."""
    depth: int = 0
    """Transformer blocks."""
    heads: int = 6
    reach: int | None = 16
    """Ticks either side whose relative position attention knows; null for VPT's form, up to `memory` ticks back."""
    memory: int = 0
    """Ticks before a window whose keys and values attention sees as well, as zeros where there were none (VPT: 0)."""
    mlp_ratio: int = 4
    """Width of the blocks' hidden layers, in units of `width`."""
    last_layer: Literal["none", "idle", "used"] = "none"
    """VPT's layer after the blocks. OpenAI's public code has its weights but discards what it gives: `idle`."""
    temperature: float = 1.0
    """The heads' logits are divided by it."""
    camera: CameraQuantizer = field(default_factory=CameraQuantizer)
    """The camera head's bins, VPT's by default. Faster turns than its `max_degrees` a tick are inferred as those."""
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
        if self.appearance == "none" and not self.has_motion:
            raise ValueError(
                "an IDM needs fixed motion features (motion, phase, flow or changes) or an appearance network: "
                "all are switched off"
            )
        if self.cursor_outputs and not self.has_motion:
            raise ValueError("cursor_outputs needs other fixed motion features, which the cursor's are among")
        if self.temporal_kernel % 2 == 0 or self.temporal_dilation < 1:
            raise ValueError(
                f"temporal_kernel ({self.temporal_kernel}) must be odd, to see as many ticks before as after, and "
                f"temporal_dilation ({self.temporal_dilation}) 1 or more"
            )
        if self.causal and (self.depth or self.appearance == "impala"):
            raise ValueError(
                f"a causal IDM needs depth 0 and appearance pairs or none: the transformer (depth {self.depth}) sees a "
                f"whole window, and VPT's image network (appearance {self.appearance}) more or less than the next frame"
            )
        if self.cloning and not self.causal:
            raise ValueError("cloning sees no future at all: it needs causal, which sees the next frame alone")
        if self.memory < 0 or self.mlp_ratio < 1 or not self.temperature > 0.0:
            raise ValueError(
                f"memory ({self.memory}) must be 0 or more, mlp_ratio ({self.mlp_ratio}) 1 or more, "
                f"temperature ({self.temperature}) more than 0"
            )

    @property
    def has_motion(self) -> bool:
        """Whether it sees fixed motion features."""
        return bool(self.motion or self.phase or self.flow or self.changes)

    @classmethod
    def vpt(cls, scale: int = 4) -> Self:
        """VPT's inverse dynamics model (arXiv 2206.11795, appendix D). The published one, of 4, has 482 M weights."""
        return cls(
            interpolation="linear",
            window=128,
            dropout=0.0,
            appearance="impala",
            appearance_channels=(64 * scale, 128 * scale, 128 * scale),
            appearance_outputs=256,
            temporal_filters=128,
            width=1024 * scale,
            temporal_depth=0,
            depth=2,
            heads=8 * scale,
            reach=None,
            last_layer="idle",
            temperature=4.0,
            camera_decode="argmax",
            camera_target="nearest",
            degrees_weight=0.0,
            positive_weight_power=0.0,
        )

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> Self:
        """From plain YAML."""
        values = _tuples(dict(config))
        values["motion"] = tuple(MotionScale(**scale) for scale in values.get("motion", ()))
        values["phase"] = tuple(PhaseScale(**scale) for scale in values.get("phase", ()))
        values["flow"] = tuple(FlowGrid(**grid) for grid in values.get("flow", ()))
        values["changes"] = tuple(ChangeGrid(**part) for part in values.get("changes", ()))
        if "camera" in values:
            values["camera"] = CameraQuantizer(**values["camera"])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """As plain YAML."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def motion_identity(config: IDMConfig) -> str | None:
    """Which fixed motion features a model wants: equal texts, equal features; None for a model without any."""
    if not config.has_motion:
        return None
    plain = config.to_dict()
    wanted = [plain["motion"], plain["phase"], plain["frame_size"], *["cursor"] * bool(config.cursor_outputs)]
    wanted += [plain[name] for name in ("changes", "flow") if plain[name]]  # as the texts were before there were any
    text = json.dumps(wanted, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _tuples(value: Any) -> Any:
    """The opposite of _plain: lists become tuples."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
