"""`ghostkeys bench idm`: how fast the inverse dynamics model is, beside the plain network and this machine's limit."""
# ruff: noqa: T201

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import torch
from torch import Tensor, nn

from env.command_line import check_at_least_1, run_command
from env.files import write_json
from idm.config import IDMConfig
from idm.model import ActionLogits, InverseDynamicsModel
from idm.openai import IDM_NAMES, OUR_OWN
from idm.plain import plain_idm
from learning.devices import choose_device
from learning.measure import Conditions, flop_of, in_turn, matrix_product, median_ratio, peak_memory
from learning.openai_networks import rename

MARGIN = 1e-4
"""Choices whose best class leads the second by no more than this may change: log-probabilities differ by as much."""


@dataclass(frozen=True)
class Speed:
    """Speed of one way to compute."""

    seconds_per_frame: float
    frames_per_second: float
    gflops: float
    """Of the plain network's operations; ways that need fewer of them may exceed the matrix products' rate."""
    of_matrix_rate: float
    peak_memory_mb: float | None
    """That the process holds at most, weights included."""


@dataclass(frozen=True)
class Agreement:
    """How far the log-probabilities of the fast and the plain network agree."""

    largest_difference: float
    clear_choices: int
    """Keys and camera axes for which one class leads by more than `MARGIN`."""
    equal_choices: int
    """Clear choices that both networks make alike."""


@dataclass(frozen=True)
class Windows:
    """Overlapping windows that share what is computed of each frame, beside each window computed alone."""

    window: int
    ratio: float
    difference_outermost: float
    """Of log-probabilities, at most, at the two ticks at each end, to which a window alone shows black frames."""
    difference_kept: float
    """At most, in the middle half, which is what is kept."""
    choices_changed_kept: float
    """Share of the middle half's choices."""


@dataclass(frozen=True)
class IDMBench:
    """All figures of one run."""

    conditions: Conditions
    weights: int
    frames: int
    gflop_per_frame: float
    matrix_gflops: float
    plain: Speed
    fast: Speed
    ratio: float
    agreement: Agreement
    windows: Windows | None


def bench(args: list[str]) -> int:
    """Measures the inverse dynamics model."""
    return int(run_command(_bench, args, program="ghostkeys bench idm"))


def _bench(
    scale: int = 4,
    frames: int = 16,
    window: int = 16,
    rounds: int = 3,
    threads: int = 1,
    device: str = "cpu",
    precision: Literal["float32", "bfloat16"] = "float32",
    compiled: bool = False,
    json: Path | None = None,
) -> int:
    """Measures VPT's inverse dynamics model with random weights, in turn with a plain transcription of the reference.

    Args:
        scale: Size: 4 is the published one, of 482 M weights.
        frames: Frames of the window both compute.
        window: Frames of the windows that overlap by half, to compare sharing with not sharing; 0 leaves it out. The
            published one is 128.
        rounds: Times that everything is measured; the figures are medians.
        threads: Of torch.
        device: cpu, cuda, one GPU such as cuda:1, mps, or auto.
        precision: Of the fast network's products; bfloat16 is for GPUs, and gives other log-probabilities.
        compiled: Whether torch.compile builds the fast network's image part.
        json: File to write the figures to as well.
    """
    check_at_least_1(scale=scale, frames=frames, rounds=rounds, threads=threads)
    device = str(choose_device(device))
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = random_model(IDMConfig.vpt(scale)).to(device)
    found = measure(
        model, frames=frames, window=window, rounds=rounds, device=device, precision=precision, compiled=compiled
    )
    print(table(found))
    if json is not None:
        write_json(json, asdict(found))
    return 0


def random_model(config: IDMConfig) -> InverseDynamicsModel:
    """A model with random weights, about as sure of itself as a trained one."""
    model = InverseDynamicsModel(config).eval()
    for head in (model.button_head, model.camera_head):
        nn.init.normal_(head.linear.weight, std=3.2 * config.width**-0.5)
    return model


def openai_tensors(model: InverseDynamicsModel) -> dict[str, Tensor]:
    """A model's tensors under OpenAI's names."""
    return {rename(n, IDM_NAMES): t for n, t in model.state_dict().items() if not n.startswith(OUR_OWN)}


@torch.inference_mode()
def measure(
    model: InverseDynamicsModel,
    *,
    frames: int,
    window: int,
    rounds: int,
    device: str = "cpu",
    precision: Literal["float32", "bfloat16"] = "float32",
    compiled: bool = False,
) -> IDMBench:
    """All the figures, for a model of VPT's form."""
    config = model.config
    pictures = _pictures(frames, config, device)
    tensors = openai_tensors(model)
    if compiled:
        model.compile_images()

    def fast() -> ActionLogits:
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bfloat16"):
            return ActionLogits(*model(pictures))

    def plain() -> tuple[Tensor, Tensor]:
        return plain_idm(tensors, pictures, heads=config.heads, temperature=config.temperature)

    memory = {"fast": peak_memory(fast, device=device), "plain": peak_memory(plain, device=device)}
    product, product_flop = matrix_product(device)
    seconds = in_turn({"fast": fast, "plain": plain, "matrix": product}, rounds=rounds, device=device)
    matrix_rate = product_flop / median(seconds["matrix"])
    flop = flop_of(plain) / frames

    def speed(name: str) -> Speed:
        per_frame = median(seconds[name]) / frames
        mb = None if (found := memory[name]) is None else found / 1e6
        return Speed(per_frame, 1 / per_frame, flop / per_frame / 1e9, flop / per_frame / matrix_rate, mb)

    return IDMBench(
        Conditions.here(device),
        sum(weight.numel() for weight in model.parameters()),
        frames,
        flop / 1e9,
        matrix_rate / 1e9,
        speed("plain"),
        speed("fast"),
        median_ratio(seconds["plain"], seconds["fast"]),
        compare(fast(), plain()),
        _windows(model, window, rounds=rounds, device=device) if window else None,
    )


def compare(found: tuple[Tensor, Tensor], reference: tuple[Tensor, Tensor]) -> Agreement:
    """Of log-probabilities over the last axis."""
    largest, clear_choices, equal_choices = 0.0, 0, 0
    for ours, theirs in zip(found, reference, strict=True):
        largest = max(largest, (ours - theirs).abs().max().item())
        best, second = theirs.topk(2, -1).values.unbind(-1)
        clear = best - second > MARGIN
        clear_choices += int(clear.sum())
        equal_choices += int((ours.argmax(-1) == theirs.argmax(-1))[clear].sum())
    return Agreement(largest, clear_choices, equal_choices)


def _windows(model: InverseDynamicsModel, window: int, *, rounds: int, device: str) -> Windows:
    """One more window of a long video: alone, or with the half that the window before it has not seen."""
    around, half = model.around, window // 2
    pictures = _pictures(window + 2 * around, model.config, device)
    inside = slice(around, around + window)
    encoded = model.encode(pictures, kept=inside)

    def alone() -> ActionLogits:
        return ActionLogits(*model(pictures[:, inside]))

    def shared() -> ActionLogits:
        new = model.encode(pictures[:, half:], kept=slice(around, around + half))
        return model.read(torch.cat([encoded[:, :half], new], dim=1))

    seconds = in_turn({"alone": alone, "shared": shared}, rounds=rounds, device=device)
    differences = [(a - b).abs().flatten(2).amax(2)[0] for a, b in zip(alone(), shared(), strict=True)]  # (T,) each
    by_tick = torch.maximum(*differences)
    middle = slice(window // 4, window - window // 4)
    changed = [(a.argmax(-1) != b.argmax(-1))[0, middle].flatten() for a, b in zip(alone(), shared(), strict=True)]
    return Windows(
        window,
        median_ratio(seconds["alone"], seconds["shared"]),
        torch.cat([by_tick[:2], by_tick[-2:]]).max().item(),
        by_tick[middle].max().item(),
        torch.cat(changed).float().mean().item(),
    )


def _pictures(count: int, config: IDMConfig, device: str) -> Tensor:
    """Noise: uint8 (1, count, H, W, 3)."""
    return torch.randint(0, 256, (1, count, *config.frame_size, 3), dtype=torch.uint8, device=device)


def table(found: IDMBench) -> str:
    """The figures as text."""
    lines = [
        str(found.conditions),
        f"{found.weights / 1e6:.0f} M weights, {found.gflop_per_frame:.1f} GFLOP a frame, {found.frames} frames; "
        f"matrix products here: {found.matrix_gflops:.0f} GFLOP/s",
        f"{'':8}{'s/frame':>10}{'frames/s':>10}{'GFLOP/s':>10}{'of matrix':>11}{'peak MB':>11}",
    ]
    for name, speed in (("plain", found.plain), ("fast", found.fast)):
        memory = "unknown" if speed.peak_memory_mb is None else f"{speed.peak_memory_mb:.0f}"
        lines.append(
            f"{name:8}{speed.seconds_per_frame:10.4f}{speed.frames_per_second:10.2f}{speed.gflops:10.1f}"
            f"{speed.of_matrix_rate:11.0%}{memory:>11}"
        )
    agreement, windows = found.agreement, found.windows
    lines += [
        f"fast is {found.ratio:.2f} times faster than plain; log-probabilities differ by at most "
        f"{agreement.largest_difference:.1e}",
        f"{agreement.equal_choices} of {agreement.clear_choices} choices with a margin above {MARGIN:g} are equal",
    ]
    if windows is not None:
        lines += [
            f"windows of {windows.window} that share frames are {windows.ratio:.2f} times faster than each alone",
            f"and give log-probabilities that differ by {windows.difference_outermost:.1e} at most at the outermost "
            f"ticks, {windows.difference_kept:.1e} in the half kept; {windows.choices_changed_kept:.1%} of its choices "
            "change",
        ]
    return "\n".join(lines)
