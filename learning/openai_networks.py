"""OpenAI's networks (VPT, arXiv 2206.11795): what their files' options mean, and which layers both models name."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from env.errors import CheckpointError
from learning.openai_files import ModelFile

Model = TypeVar("Model", bound=nn.Module)

MAX_WIDTH = 1 << 14
MAX_DEPTH = 64
MAX_SIDE = 1024
MAX_MEMORY = 1 << 14
SHOWN = 6
"""Names listed in an error."""
DEFAULT_TEMPERATURE = 2.0
"""Default of OpenAI's code, where a `.model` does not say."""
REQUIRED: dict[str, Any] = {
    "attention_mask_style": None,  # told by whoever reads the options
    "recurrence_type": "transformer",
    "recurrence_is_residual": True,
    "use_pointwise_layer": True,
    "use_pre_lstm_ln": False,
    "pointwise_use_activation": False,
    "diff_mlp_embedding": False,
    "impala_kwargs": {"post_pool_groups": 1},
    "init_norm_kwargs": {"batch_norm": False, "group_norm_groups": 1},
}
"""Options that have one value in every published file."""

Names = Sequence[tuple[str, str]]
"""(regular expression of our names, what OpenAI calls them)."""

TRUNK: Names = (
    (r"^transformer\.blocks\.(\d+)\.norm\.", r"net.recurrent_layer.blocks.\1.pre_r_ln."),
    (r"^transformer\.blocks\.(\d+)\.mlp\.(\d)\.", r"net.recurrent_layer.blocks.\1.mlp\2."),
    (
        r"^transformer\.blocks\.(\d+)\.attention\.relative\.coefficients\.",
        r"net.recurrent_layer.blocks.\1.r.orc_block.r_layer.",
    ),
    (r"^transformer\.blocks\.(\d+)\.attention\.relative\.basis$", r"net.recurrent_layer.blocks.\1.r.orc_block.b_nd"),
    (r"^transformer\.blocks\.(\d+)\.attention\.query\.", r"net.recurrent_layer.blocks.\1.r.orc_block.q_layer."),
    (r"^transformer\.blocks\.(\d+)\.attention\.key\.", r"net.recurrent_layer.blocks.\1.r.orc_block.k_layer."),
    (r"^transformer\.blocks\.(\d+)\.attention\.value\.", r"net.recurrent_layer.blocks.\1.r.orc_block.v_layer."),
    (r"^transformer\.blocks\.(\d+)\.attention\.project\.", r"net.recurrent_layer.blocks.\1.r.orc_block.proj_layer."),
    (r"^last\.", r"net.lastlayer."),
    (r"^norm\.", r"net.final_ln."),
    (r"(net\.img_process\.cnn\.stacks\.\d+)\.conv\.", r"\1.firstconv."),
    (r"(net\.img_process\.cnn\.stacks\.\d+)\.norm\.", r"\1.n."),
)
"""What both kinds of model share, after their image networks are called `net.img_process.cnn`."""


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """A `.model`'s options that may differ from file to file, in our terms."""

    size: tuple[int, int]
    """(height, width) of the frames."""
    channels: tuple[int, ...]
    """Channels of the image network's down-stacks."""
    width: int
    depth: int
    heads: int
    memory: int
    """Ticks of kept keys and values."""
    window: int
    """Ticks of a training sequence."""
    mlp_ratio: int
    temperature: float

    @classmethod
    def read(cls, file: ModelFile, *, mask: str) -> Self:
        """Reads and bounds them; `mask` is the only attention mask the model can have. Raises CheckpointError."""
        options = Options(file.path, file.network)
        for name, only in {**REQUIRED, "attention_mask_style": mask}.items():
            options.must_be(name, only)
        scale = options.number("impala_width", 1, MAX_WIDTH)
        channels = options.numbers("impala_chans", 1, MAX_WIDTH, default=(16, 32, 32))
        height, width, _ = options.numbers("img_shape", 1, MAX_SIDE, count=3)
        window = options.number("timesteps", 1, MAX_MEMORY)
        memory = options.number("attention_memory_size", window, MAX_MEMORY) - window
        hidden, heads = options.number("hidsize", 1, MAX_WIDTH), options.number("attention_heads", 1, MAX_WIDTH)
        if hidden % heads or max(channels) * scale > MAX_WIDTH:
            raise CheckpointError(f"{file.path}: {hidden} features for {heads} heads, {channels} x {scale} channels?")
        temperature = file.head.get("temperature", DEFAULT_TEMPERATURE)
        if not isinstance(temperature, int | float) or not 1e-3 <= temperature <= 1e3:
            raise CheckpointError(f"{file.path}: temperature is {temperature!r}; expected a number, 0.001 to 1000.")
        return cls(
            size=(height, width),
            channels=tuple(each * scale for each in channels),
            width=hidden,
            depth=options.number("n_recurrence_layers", 1, MAX_DEPTH),
            heads=heads,
            memory=memory,
            window=window,
            mlp_ratio=options.number("pointwise_ratio", 1, 64, default=4),
            temperature=float(temperature),
        )


def build(
    make: Callable[[], Model],
    names: Names,
    tensors: Mapping[str, Tensor],
    *,
    source: Path | str,
    own: Sequence[str] = (),
) -> Model:
    """Makes a model and fills it with OpenAI's tensors, each once; tensors whose names begin as `own` stay as they are.

    Nothing large is made before it is known that all fit. Raises CheckpointError with OpenAI's names.
    """
    with torch.device("meta"):
        outline = make().state_dict()
    theirs = {name: rename(name, names) for name in outline if not name.startswith(tuple(own))}
    known = set(theirs.values())
    problems = {
        "missing": [name for name in theirs.values() if name not in tensors],
        "left over": [name for name in tensors if name not in known],
        "of another shape": [
            f"{name} {tuple(tensors[name].shape)} instead of {tuple(outline[ours].shape)}"
            for ours, name in theirs.items()
            if name in tensors and tensors[name].shape != outline[ours].shape
        ],
    }
    if any(problems.values()):
        shown = "; ".join(f"{kind}: {_listed(names)}" for kind, names in problems.items() if names)
        raise CheckpointError(f"{source} does not fit the network its .model describes. {shown}.")
    model = make()
    model.load_state_dict({**model.state_dict(), **{ours: tensors[name] for ours, name in theirs.items()}})
    return model


def _listed(names: Sequence[str]) -> str:
    """The first few, and how many more."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def rename(name: str, names: Names) -> str:
    """What OpenAI calls one of our tensors."""
    for ours, theirs in names:
        name = re.sub(ours, theirs, name)
    return name


class Options:
    """Options by name, and errors that name the file and the option."""

    def __init__(self, path: Path, options: Any) -> None:
        if not isinstance(options, dict):
            raise CheckpointError(f"{path}: expected options by name, found {type(options).__name__}.")
        self.path = path
        self.options = options

    def must_be(self, name: str, only: Any) -> None:
        """Refuses any other value; lists and tuples are the same."""
        found = self.options.get(name, only)
        if (list(found) if isinstance(found, tuple) else found) != only:
            raise CheckpointError(f"{self.path}: {name} is {found!r}; only {only!r} is supported, as published.")

    def number(self, name: str, low: int, high: int, *, default: int | None = None) -> int:
        """A whole number from `low` to `high`."""
        return self._whole(name, self.options.get(name, default), low, high)

    def numbers(
        self, name: str, low: int, high: int, *, count: int | None = None, default: tuple[int, ...] = ()
    ) -> tuple[int, ...]:
        """A few of them."""
        found = self.options.get(name, default)
        if not isinstance(found, list | tuple) or not 1 <= len(found) <= 8 or (count or len(found)) != len(found):
            raise CheckpointError(f"{self.path}: {name} is {found!r}; expected {count or 'a few'} whole numbers.")
        return tuple(self._whole(name, each, low, high) for each in found)

    def _whole(self, name: str, value: Any, low: int, high: int) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise CheckpointError(f"{self.path}: {name} is {value!r}; expected a whole number, {low} to {high}.")
        return value
