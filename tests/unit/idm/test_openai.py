"""OpenAI's inverse dynamics model: the reference's numbers from the reference's files."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from env.errors import CheckpointError
from idm import IDMConfig, InverseDynamicsModel, load, load_openai
from idm.openai import IDM_NAMES, OUR_OWN
from learning.openai_networks import build, rename

GOLDEN = Path(__file__).parents[2] / "golden" / "vpt"
TOLERANCE = 2e-4
MEMORY = replace(
    IDMConfig.vpt(), window=16, appearance_channels=(2, 2, 2), temporal_filters=8, width=64, heads=4, memory=8
)


@pytest.fixture(scope="module")
def model() -> InverseDynamicsModel:
    return load_openai(GOLDEN / "idm.model", GOLDEN / "idm.weights")


@pytest.fixture(scope="module")
def io() -> Any:
    return np.load(GOLDEN / "idm_io.npz")


def test_same_numbers_as_the_reference(model: InverseDynamicsModel, io: Any) -> None:
    with torch.inference_mode():
        logits = model(torch.from_numpy(io["frames"])[None])
    np.testing.assert_allclose(logits.buttons, io["buttons_logp"], atol=TOLERANCE)
    np.testing.assert_allclose(logits.camera, io["camera_logp"], atol=TOLERANCE)


def test_same_actions_as_the_reference(model: InverseDynamicsModel, io: Any) -> None:
    prediction = model.predict(io["frames"])
    np.testing.assert_array_equal(prediction.actions.buttons, io["buttons"][0])
    np.testing.assert_allclose(prediction.actions.camera, io["env_camera"][0], atol=1e-5)
    np.testing.assert_allclose(prediction.button_log_probs, io["buttons_logp"][0], atol=TOLERANCE)


def test_our_checkpoint_of_it_is_the_same_model(model: InverseDynamicsModel, io: Any, tmp_path: Path) -> None:
    again = load(model.save(tmp_path))
    assert again.config == model.config
    np.testing.assert_array_equal(
        again.predict(io["frames"]).camera_log_probs, model.predict(io["frames"]).camera_log_probs
    )


def test_memory_without_a_mask_shows_zeros_before_the_start() -> None:
    """Two chunks of a model that attends to 8 ticks before the chunk, whether there were any or not."""
    tensors = load_file(GOLDEN / "idm_mem.safetensors")
    without_images = (*OUR_OWN, "appearance.", "join.")
    model = build(lambda: InverseDynamicsModel(MEMORY), IDM_NAMES, tensors, source="idm_mem", own=without_images).eval()
    io = np.load(GOLDEN / "idm_mem_io.npz")
    state = model.initial_state(1)
    for chunk in ("c0", "c1"):
        with torch.inference_mode():
            logits, state = model.read_on(torch.from_numpy(io[f"{chunk}_features"]), state)
        np.testing.assert_allclose(logits.buttons, io[f"{chunk}_buttons_logp"], atol=TOLERANCE)
        np.testing.assert_allclose(logits.camera, io[f"{chunk}_camera_logp"], atol=TOLERANCE)
        for block, memory in enumerate(state):
            np.testing.assert_allclose(memory.keys, io[f"{chunk}_state_b{block}_k"], atol=TOLERANCE)
            np.testing.assert_allclose(memory.values, io[f"{chunk}_state_b{block}_v"], atol=TOLERANCE)


def test_published_size() -> None:
    """The published file has 482 330 046 numbers in 100 tensors."""
    with torch.device("meta"):
        model = InverseDynamicsModel(IDMConfig.vpt())
    published = {rename(name, IDM_NAMES): t for name, t in model.state_dict().items() if not name.startswith(OUR_OWN)}
    assert len(published) == 100
    assert sum(tensor.numel() for tensor in published.values()) == 482_330_046
    assert published["net.recurrent_layer.blocks.1.r.orc_block.b_nd"].shape == (10, 0)
    assert published["net.img_process.cnn.stacks.2.blocks.1.conv0.layer.weight"].shape == (512, 512, 3, 3)


def test_what_the_public_code_discards_does_not_count_and_does_not_train(io: Any) -> None:
    model = load_openai(GOLDEN / "idm.model", GOLDEN / "idm.weights")
    frames = torch.from_numpy(io["frames"])[None]
    before = model(frames)
    idle = [parameter for parameter in model.parameters() if not parameter.requires_grad]
    assert len(idle) == 3 + 2 * 3  # the last layer; of both blocks the relative positions
    for parameter in idle:
        parameter.data.fill_(7.0)
    assert torch.equal(model(frames).buttons, before.buttons)
    torch.autograd.backward(before.buttons.sum() + before.camera.sum())
    assert all((parameter.grad is not None) == parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("change", ["missing", "surplus", "shape"])
def test_weights_that_do_not_fit_are_named(change: str, tmp_path: Path) -> None:
    tensors = torch.load(GOLDEN / "idm.weights", weights_only=True)
    if change == "missing":
        del tensors["net.final_ln.bias"]
    elif change == "surplus":
        tensors["net.extra"] = torch.zeros(1)
    else:
        tensors["net.final_ln.bias"] = torch.zeros(5)
    torch.save(tensors, tmp_path / "changed.weights")
    named = {
        "missing": r"missing: net\.final_ln\.bias\.",
        "surplus": r"left over: net\.extra\.",
        "shape": r"net\.final_ln\.bias \(5,\) instead of \(64,\)",
    }
    with pytest.raises(CheckpointError, match=named[change]):
        load_openai(GOLDEN / "idm.model", tmp_path / "changed.weights")


def model_file(path: Path, **options: Any) -> Path:
    """A .model like the golden policy's, with options changed."""
    with (GOLDEN / "policy.model").open("rb") as file:
        content = pickle.load(file)  # noqa: S301 -- our own
    content["model"]["args"]["net"]["args"].update(
        attention_mask_style="none",
        conv3d_params={"inchan": 3, "outchan": 8, "kernel_size": [5, 1, 1], "padding": [2, 0, 0]},
    )
    content["model"]["args"]["net"]["args"].update(options)
    path.write_bytes(pickle.dumps(content))
    return path


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"attention_mask_style": "clipped_causal"}, "attention_mask_style is 'clipped_causal'; only 'none'"),
        ({"recurrence_type": "multi_layer_lstm"}, "recurrence_type"),
        ({"hidsize": 1 << 40}, "hidsize is 1099511627776"),
        ({"n_recurrence_layers": "2"}, "n_recurrence_layers is '2'"),
        ({"impala_chans": [1 << 14] * 9}, "impala_chans"),
        ({"attention_memory_size": 4}, "attention_memory_size is 4"),
        ({"conv3d_params": {"inchan": 3, "outchan": 8, "kernel_size": [3, 1, 1]}}, "kernel_size"),
        ({"conv3d_params": 3}, "found int"),
    ],
)
def test_options_that_were_never_published_are_refused(options: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=named):
        load_openai(model_file(tmp_path / "changed.model", **options), GOLDEN / "idm.weights")


def test_a_policy_is_no_inverse_dynamics_model() -> None:
    with pytest.raises(CheckpointError, match="is of a policy"):
        load_openai(GOLDEN / "policy.model", GOLDEN / "policy.weights")
