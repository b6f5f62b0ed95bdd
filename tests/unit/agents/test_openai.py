"""OpenAI's policies: the reference's numbers from the reference's files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from agents import Policy, PolicyConfig, load, load_openai
from agents.openai import POLICY_NAMES
from agents.policy import PolicyBatch, PolicyState
from env.errors import CheckpointError
from learning.checkpoint import save_checkpoint
from learning.nn.attention import Memory
from learning.openai_networks import rename

GOLDEN = Path(__file__).parents[2] / "golden" / "vpt"
TOLERANCE = 2e-4
VALUE_TOLERANCE = 1e-4
MODEL, WEIGHTS = GOLDEN / "policy.model", GOLDEN / "policy.weights"


@pytest.fixture
def policy() -> Policy:
    return load_openai(MODEL, WEIGHTS)


@pytest.fixture(scope="module")
def chunks() -> Any:
    return dict(np.load(GOLDEN / "policy_chunks.npz"))


def state_after(policy: Policy, golden: Any, prefix: str) -> PolicyState:
    """The reference's state, as ours."""
    memories = []
    for block in range(policy.config.depth):
        keys, values, mask = (
            torch.from_numpy(golden[f"{prefix}_state_b{block}_{part}"]) for part in ("k", "v", "mask")
        )
        memories.append(Memory(keys, values, mask[:, 0]))
    return policy.initial_state(len(memories[0].keys))._replace(memories=memories)


def assert_same_state(state: PolicyState, expected: PolicyState) -> None:
    for found, wanted in zip(state.memories, expected.memories, strict=True):
        assert torch.equal(found.valid, wanted.valid)
        torch.testing.assert_close(found.keys, wanted.keys, atol=TOLERANCE, rtol=0.0)
        torch.testing.assert_close(found.values, wanted.values, atol=TOLERANCE, rtol=0.0)


@torch.inference_mode()
def test_chunks_give_the_reference_s_numbers(policy: Policy, chunks: Any) -> None:
    """Memory carried, longer and shorter chunks than it, starts at a chunk's first tick and (overlooked) within."""
    state = policy.initial_state(2)
    for name in ("c0", "c2", "c3"):
        if name == "c2":
            state = state_after(policy, chunks, "c1")
        frames, first = (torch.from_numpy(chunks[f"{name}_{part}"]) for part in ("frames", "first"))
        output, state = policy(frames, state, first)
        columns = output.button_log_probs[..., chunks["c0_buttons_logp_cols"]]
        np.testing.assert_allclose(columns, chunks[f"{name}_buttons_logp_sub"][:, :, 0], atol=TOLERANCE)
        np.testing.assert_allclose(output.camera_log_probs, chunks[f"{name}_camera_logp"][:, :, 0], atol=TOLERANCE)
        np.testing.assert_allclose(output.value, chunks[f"{name}_value"][..., 0], atol=VALUE_TOLERANCE)
        assert_same_state(state, state_after(policy, chunks, name))


@torch.inference_mode()
def test_heads_give_the_reference_s_choices(policy: Policy, chunks: Any) -> None:
    first = torch.from_numpy(chunks["c0_first"])
    output, _ = policy(torch.from_numpy(chunks["c0_frames"]), policy.initial_state(2), first)
    full = chunks["c0_buttons_logp_full_first_step"][:, 0]
    np.testing.assert_allclose(output.button_log_probs[:, 0], full, atol=TOLERANCE)
    buttons, camera = output.button_log_probs.argmax(-1), output.camera_log_probs.argmax(-1)
    np.testing.assert_array_equal(buttons, chunks["c0_buttons_idx"][..., 0])
    np.testing.assert_array_equal(camera, chunks["c0_camera_idx"][..., 0])
    np.testing.assert_allclose(sum(policy.log_prob(output, buttons, camera)), chunks["c0_log_prob"], atol=TOLERANCE)
    entropy = sum(-(part.exp() * part).sum(-1) for part in (output.button_log_probs, output.camera_log_probs))
    np.testing.assert_allclose(entropy, chunks["c0_entropy"], atol=1e-3)


@pytest.mark.parametrize("start", [False, True])
@torch.inference_mode()
def test_tick_by_tick_as_the_reference_plays(policy: Policy, chunks: Any, start: bool) -> None:
    golden = np.load(GOLDEN / "policy_rollout.npz")
    prefix = "rollreset" if start else "roll"
    frames = torch.from_numpy(chunks["c0_frames"])
    first = torch.zeros(2, frames.shape[1], dtype=torch.bool)
    if start:
        first[int(golden["rollreset_row"]), int(golden["rollreset_step"])] = True
    state = policy.initial_state(2)
    for tick in range(frames.shape[1]):
        output, state = policy(frames[:, [tick]], state, first[:, [tick]])
        camera = golden[f"{prefix}_camera_logp"][:, tick, 0]
        np.testing.assert_allclose(output.camera_log_probs[:, 0], camera, atol=TOLERANCE)
        np.testing.assert_allclose(output.value[:, 0], golden[f"{prefix}_value"][:, tick, 0], atol=VALUE_TOLERANCE)
    if not start:
        assert_same_state(state, state_after(policy, golden, "roll"))


@torch.inference_mode()
def test_starts_within_chunks_count_once_asked_for(chunks: Any) -> None:
    """In one chunk, a start in its middle then gives what playing tick by tick gives."""
    golden = np.load(GOLDEN / "policy_rollout.npz")
    policy = load_openai(MODEL, WEIGHTS)
    policy.config = replace(policy.config, starts_within_chunks=True)
    frames = torch.from_numpy(chunks["c0_frames"])
    first = torch.zeros(2, frames.shape[1], dtype=torch.bool)
    first[int(golden["rollreset_row"]), int(golden["rollreset_step"])] = True
    output, _ = policy(frames, policy.initial_state(2), first)
    np.testing.assert_allclose(output.camera_log_probs, golden["rollreset_camera_logp"][:, :, 0], atol=TOLERANCE)


def test_cloning_loss_and_gradients(policy: Policy, chunks: Any) -> None:
    golden = np.load(GOLDEN / "policy_bc.npz")
    frames = torch.from_numpy(chunks["c0_frames"])
    buttons, camera = (torch.from_numpy(golden[f"bc_{part}"])[..., 0] for part in ("buttons", "camera"))
    first = torch.from_numpy(chunks["c0_first"])
    batch = PolicyBatch(frames, first, buttons, camera, torch.ones(frames.shape[:2]))
    losses, _ = policy.loss(batch, policy.initial_state(2))
    assert float(losses["total"].detach()) == pytest.approx(float(golden["bc_loss"]), abs=TOLERANCE)
    torch.autograd.backward(losses["total"])
    norms = dict(zip(golden["grad_norm_names"], golden["grad_norms"], strict=True))
    found = {rename(name, POLICY_NAMES): weight.grad for name, weight in policy.named_parameters()}
    assert {name for name, grad in found.items() if grad is None} <= set(golden["no_grad_names"])
    for name, norm in norms.items():
        grad = found[name]
        assert isinstance(grad, Tensor)
        assert float(grad.norm()) == pytest.approx(norm, rel=2e-3, abs=1e-5), name


def test_value_loss_and_statistics(policy: Policy, chunks: Any) -> None:
    golden = np.load(GOLDEN / "policy_bc.npz")
    value = torch.from_numpy(chunks["c0_value_norm"])[..., 0]
    target = torch.from_numpy(golden["value_target"])[..., 0]
    loss = policy.value_head.train().loss(value, target)
    assert float(loss) == pytest.approx(float(golden["value_loss_after_one_ewma_update"]), abs=VALUE_TOLERANCE)
    statistics = [policy.value_head.mean, policy.value_head.mean_square, policy.value_head.debiasing]
    np.testing.assert_allclose(torch.stack([each.squeeze() for each in statistics]), golden["ewma_after"], rtol=1e-6)


@pytest.mark.parametrize(("scale", "weights"), [(1, 70_998_654), (2, 248_495_294), (3, 532_504_318)])
def test_published_sizes(scale: int, weights: int) -> None:
    with torch.device("meta"):
        policy = Policy(PolicyConfig.vpt(scale))
    assert sum(tensor.numel() for tensor in policy.state_dict().values()) == weights


def test_our_checkpoint_of_it_is_the_same_policy(policy: Policy, chunks: Any, tmp_path: Path) -> None:
    again = load(save_checkpoint(tmp_path, "policy", policy.config.to_dict(), policy.state_dict()))
    assert again.config == policy.config
    frames, first = torch.from_numpy(chunks["c3_frames"]), torch.from_numpy(chunks["c3_first"])
    outputs = [each(frames, each.initial_state(1), first)[0] for each in (policy, again)]
    assert all(torch.equal(one, other) for one, other in zip(*outputs, strict=True))


def test_weights_without_a_value_head_are_accepted_but_not_half_a_one(tmp_path: Path) -> None:
    tensors = torch.load(WEIGHTS, weights_only=True)
    cloned = {name: tensor for name, tensor in tensors.items() if not name.startswith("value_head.")}
    torch.save(cloned, tmp_path / "cloned.weights")
    load_openai(MODEL, tmp_path / "cloned.weights")
    torch.save({**cloned, "value_head.linear.bias": torch.zeros(1)}, tmp_path / "half.weights")
    with pytest.raises(CheckpointError, match=r"missing: value_head\.linear\.weight,"):
        load_openai(MODEL, tmp_path / "half.weights")


def test_an_inverse_dynamics_model_is_no_policy() -> None:
    with pytest.raises(CheckpointError, match="is of an inverse dynamics model"):
        load_openai(GOLDEN / "idm.model", GOLDEN / "idm.weights")


def test_checkpoints_from_before_values_were_normalised_load(tmp_path: Path) -> None:
    policy = Policy(PolicyConfig(size=(8, 8), channels=(4,), features=8, width=8, depth=1, heads=2, memory=4))
    old = {
        name: tensor
        for name, tensor in policy.state_dict().items()
        if name not in {"value_head.mean", "value_head.mean_square", "value_head.debiasing"}
    }
    loaded = load(save_checkpoint(tmp_path, "policy", policy.config.to_dict(), old))
    assert torch.equal(loaded.value_head.weight, policy.value_head.weight)


def test_forbidden_classes_are_never_chosen(policy: Policy, chunks: Any) -> None:
    frames, first = torch.from_numpy(chunks["c3_frames"]), torch.from_numpy(chunks["c3_first"])
    allowed = torch.zeros(8641, dtype=torch.bool)
    allowed[[0, 5]] = True
    output, _ = policy(frames, policy.initial_state(1), first, button_mask=allowed)
    torch.testing.assert_close(output.button_log_probs[..., allowed].exp().sum(-1), torch.ones(1, 3))
