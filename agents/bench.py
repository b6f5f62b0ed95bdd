"""`ghostkeys bench policy`: what a policy's memory and its batches save."""
# ruff: noqa: T201

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from agents.policy import Policy, PolicyConfig, PolicyOutput, PolicyState
from env.command_line import check_at_least_1, run_command
from env.files import write_json
from learning.devices import choose_device
from learning.measure import Conditions, flop_of, in_turn, matrix_product, median_ratio, peak_memory


@dataclass(frozen=True)
class PolicyBench:
    """All figures of one run. A frame is a tick of one environment."""

    conditions: Conditions
    weights: int
    envs: int
    past: int
    gflop_per_frame: float
    matrix_gflops: float
    seconds_per_frame: float
    """One environment, a tick at a time, with what the memory holds."""
    frames_per_second: float
    gflops: float
    of_matrix_rate: float
    peak_memory_mb: float | None
    """That the process holds at most, weights included."""
    memory_mb_per_env: float
    """Keys and values kept of an environment."""
    ratio_memory: float
    """Time of encoding the past `past` ticks again at every tick, over that of a tick with memory."""
    ratio_batch: float
    """Time of `envs` environments one after another, over that of all as one batch."""
    difference_memory: float
    """Largest difference of log-probabilities between ticks one by one and encoding all at once."""
    difference_batch: float
    """Largest difference of log-probabilities between environments alone and in the batch."""


def bench(args: list[str]) -> int:
    """Measures a policy."""
    return int(run_command(_bench, args, program="ghostkeys bench policy"))


def _bench(
    scale: int = 1,
    envs: int = 4,
    past: int = 16,
    rounds: int = 3,
    threads: int = 1,
    device: str = "cpu",
    json: Path | None = None,
) -> int:
    """Measures VPT's policy with random weights: one tick with cached keys and values, beside doing without them.

    Args:
        scale: Size: 1, 2 or 3, as published, with 71, 248 or 532 M weights.
        envs: Environments that play as one batch.
        past: Ticks that a policy without memory encodes again at every tick. The published ones remember 128.
        rounds: Times that everything is measured; the figures are medians.
        threads: Of torch.
        device: cpu, cuda, one GPU such as cuda:1, mps, or auto.
        json: File to write the figures to as well.
    """
    check_at_least_1(scale=scale, envs=envs, past=past, rounds=rounds, threads=threads)
    chosen = choose_device(device)
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    found = measure(random_policy(PolicyConfig.vpt(scale)).to(chosen), envs=envs, past=past, rounds=rounds)
    print(table(found))
    if json is not None:
        write_json(json, asdict(found))
    return 0


def random_policy(config: PolicyConfig) -> Policy:
    """A policy with random weights, about as sure of itself as a trained one."""
    policy = Policy(config).eval()
    for head in (policy.button_head, policy.camera_head):
        nn.init.normal_(head.weight, std=2.0 * config.width**-0.5)
    return policy


@torch.inference_mode()
def measure(policy: Policy, *, envs: int, past: int, rounds: int) -> PolicyBench:
    """All the figures. The past may be as long as the policy's memory."""
    device = str(policy.norm.weight.device)
    shape = (envs, past + 1, *policy.config.size, 3)
    frames = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    before = _play(policy, frames[:, :-1])[1]
    alone = [before.select([env]) for env in range(envs)]

    def one() -> PolicyOutput:
        return _step(policy, frames[:1, -1:], alone[0])

    def again() -> PolicyOutput:
        return _at_once(policy, frames[:1])

    def one_by_one() -> list[PolicyOutput]:
        return [_step(policy, frames[env : env + 1, -1:], alone[env]) for env in range(envs)]

    def batch() -> PolicyOutput:
        return _step(policy, frames[:, -1:], before)

    memory = peak_memory(one, device=device)
    product, product_flop = matrix_product(device)
    things = {"one": one, "again": again, "one_by_one": one_by_one, "batch": batch, "matrix": product}
    seconds = in_turn(things, rounds=rounds, device=device)
    matrix_rate, per_frame, flop = product_flop / median(seconds["matrix"]), median(seconds["one"]), _flop(policy)
    kept = sum(part.numel() * part.element_size() for each in alone[0].memories for part in each)
    separate = [torch.cat(parts) for parts in zip(*(output[:2] for output in one_by_one()), strict=True)]
    return PolicyBench(
        Conditions.here(device),
        sum(weight.numel() for weight in policy.parameters()),
        envs,
        past,
        flop / 1e9,
        matrix_rate / 1e9,
        per_frame,
        1 / per_frame,
        flop / per_frame / 1e9,
        flop / per_frame / matrix_rate,
        None if memory is None else memory / 1e6,
        kept / 1e6,
        median_ratio(seconds["again"], seconds["one"]),
        median_ratio(seconds["one_by_one"], seconds["batch"]),
        _difference(_last(one()), _last(again())),
        _difference(separate, _last(batch())),
    )


def _play(policy: Policy, frames: Tensor) -> tuple[PolicyOutput, PolicyState]:
    """Tick by tick from an episode's start: the last output, and the state after it."""
    state = policy.initial_state(len(frames))
    for tick in range(frames.shape[1]):
        first = torch.full((len(frames), 1), tick == 0, device=frames.device)
        output, state = policy(frames[:, tick : tick + 1], state, first)
    return output, state


def _step(policy: Policy, frames: Tensor, state: PolicyState) -> PolicyOutput:
    """One more tick of running episodes."""
    first = torch.zeros(frames.shape[:2], dtype=torch.bool, device=frames.device)
    output: PolicyOutput = policy(frames, state, first)[0]
    return output


def _at_once(policy: Policy, frames: Tensor) -> PolicyOutput:
    first = torch.zeros(frames.shape[:2], dtype=torch.bool, device=frames.device)
    first[:, 0] = True
    output: PolicyOutput = policy(frames, policy.initial_state(len(frames)), first)[0]
    return output


def _last(output: PolicyOutput) -> list[Tensor]:
    """Log-probabilities at the last tick."""
    return [part[:, -1:] for part in output[:2]]


def _difference(some: list[Tensor], others: list[Tensor]) -> float:
    return max((a - b).abs().max().item() for a, b in zip(some, others, strict=True))


def _flop(policy: Policy) -> float:
    """Operations of one tick, by direct convolutions."""
    shape = (1, 1, *policy.config.size, 3)
    with torch.device("meta"):
        outline = Policy(policy.config).eval()
        frame, first = torch.zeros(shape, dtype=torch.uint8), torch.zeros(1, 1, dtype=torch.bool)
    return flop_of(lambda: outline(frame, outline.initial_state(1), first))


def table(found: PolicyBench) -> str:
    """The figures as text."""
    memory = "unknown" if found.peak_memory_mb is None else f"{found.peak_memory_mb:.0f} MB"
    return "\n".join(
        [
            str(found.conditions),
            f"{found.weights / 1e6:.0f} M weights, {found.gflop_per_frame:.1f} GFLOP a tick; "
            f"matrix products here: {found.matrix_gflops:.0f} GFLOP/s",
            f"a tick takes {found.seconds_per_frame:.4f} s ({found.frames_per_second:.2f} a second, "
            f"{found.gflops:.1f} GFLOP/s, {found.of_matrix_rate:.0%} of matrix products) and {memory} at most; "
            f"{found.memory_mb_per_env:.1f} MB are kept of an environment",
            f"with memory a tick is {found.ratio_memory:.1f} times faster than with {found.past} past ticks encoded "
            f"again; log-probabilities differ by at most {found.difference_memory:.1e}",
            f"{found.envs} environments as a batch are {found.ratio_batch:.2f} times faster than one by one; "
            f"log-probabilities differ by at most {found.difference_batch:.1e}",
        ]
    )
