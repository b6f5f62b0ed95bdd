"""VPT's action codec against tables made by running OpenAI's own."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from env import BUTTONS, MINERL_KEYS, Actions, CameraQuantizer, JointMapping, is_null, read_contractor_actions
from env.errors import GhostkeysError

GOLDEN = Path(__file__).parents[2] / "golden" / "vpt"
MAPPING = JointMapping()
golden = np.load(GOLDEN / "codec.npz")
arbitrary = np.load(GOLDEN / "codec_joint_to_factored.npz")


def golden_actions() -> Actions:
    names = golden["env_names"].tolist()
    return Actions.from_minerl(
        dict(zip(names, buttons.tolist(), strict=True)) | {"camera": camera}
        for buttons, camera in zip(golden["env_buttons"], golden["env_camera"], strict=True)
    )


def test_buttons_are_in_vpt_order() -> None:
    assert golden["policy_button_names"].tolist() == list(BUTTONS)
    assert {*golden["env_names"].tolist(), "camera"} == set(MINERL_KEYS)


def test_a_dict_of_arrays_is_as_good_as_many_dicts() -> None:
    names = golden["env_names"].tolist()
    arrays = dict(zip(names, golden["env_buttons"].T, strict=True)) | {"camera": golden["env_camera"]}
    actions = Actions.from_minerl(arrays)
    assert actions == golden_actions()
    back = actions.to_minerl_arrays()
    assert tuple(back) == MINERL_KEYS
    assert Actions.from_minerl(back) == actions
    assert len(Actions.from_minerl({"attack": 1, "camera": [1.0, 2.0]})) == 1
    with pytest.raises(GhostkeysError, match="'jump' has 3 ticks; expected 2"):
        Actions.from_minerl({"jump": [0, 1, 0], "camera": np.zeros((2, 2))})


def test_null_actions_are_found_and_openais_test_never_finds_one() -> None:
    buttons, bins = golden["factored_buttons"], golden["factored_camera"]
    np.testing.assert_array_equal(is_null(buttons, bins), golden["null_as_intended"])
    never = is_null(buttons, bins, null_test_never_fires=True)
    np.testing.assert_array_equal(never, golden["null_as_reference_evaluates"])


def test_the_items_of_openais_loader_as_its_agent_sees_them() -> None:
    theirs = np.load(GOLDEN / "recording_agent_actions.npz")
    actions = read_contractor_actions(GOLDEN / "recording.jsonl", compat="openai")
    bins = CameraQuantizer().encode(actions.camera)
    button_index, camera_index = MAPPING.encode(actions.buttons, bins)
    np.testing.assert_array_equal(actions.buttons, theirs["factored_buttons"])
    np.testing.assert_array_equal(bins, theirs["factored_camera"])
    np.testing.assert_array_equal(button_index[:, None], theirs["joint_buttons"])
    np.testing.assert_array_equal(camera_index[:, None], theirs["joint_camera"])


def test_minerl_actions_become_factored_and_joint() -> None:
    actions = golden_actions()
    bins = CameraQuantizer().encode(actions.camera)
    button_index, camera_index = MAPPING.encode(actions.buttons, bins)

    np.testing.assert_array_equal(actions.buttons, golden["factored_buttons"])
    np.testing.assert_array_equal(bins, golden["factored_camera"])
    np.testing.assert_array_equal(button_index[:, None], golden["joint_buttons"])
    np.testing.assert_array_equal(camera_index[:, None], golden["joint_camera"])


def test_joint_actions_become_factored_and_degrees() -> None:
    buttons, bins = MAPPING.decode(golden["joint_buttons"][:, 0], golden["joint_camera"][:, 0])
    np.testing.assert_array_equal(buttons, golden["back_buttons"])
    np.testing.assert_array_equal(bins, golden["back_camera"])
    np.testing.assert_allclose(CameraQuantizer().decode(bins), golden["back_env_camera"], atol=1e-6)


def test_arbitrary_joint_pairs_decode_as_openai_decodes_them() -> None:
    buttons, bins = MAPPING.decode(arbitrary["joint_buttons"], arbitrary["joint_camera"])
    np.testing.assert_array_equal(buttons[:, 0], arbitrary["buttons"])
    np.testing.assert_array_equal(bins[:, 0], arbitrary["camera"])
    np.testing.assert_allclose(CameraQuantizer().decode(bins)[:, 0], arbitrary["env_camera"], atol=1e-6)


def test_every_joint_button_index_decodes_as_in_the_table() -> None:
    buttons, bins = MAPPING.decode(np.arange(MAPPING.button_count), np.zeros(MAPPING.button_count, int))
    np.testing.assert_array_equal(buttons, golden["table_buttons"])
    np.testing.assert_array_equal((bins == 5).all(axis=1), golden["table_camera_meta_off"])


def test_sizes_and_null_actions() -> None:
    assert (MAPPING.button_count, MAPPING.camera_count) == (golden["n_buttons"], golden["n_camera"]) == (8641, 121)
    assert (MAPPING.null_button, MAPPING.null_camera) == (0, 60)
    np.testing.assert_array_equal(MAPPING.encode(np.zeros(20, bool), [5, 5]), (0, 60))
    assert golden["camera_null_idx"] == MAPPING.null_camera


@pytest.mark.parametrize(
    ("quantizer", "name"),
    [
        (CameraQuantizer(), "mu10_max10_bin2"),
        (CameraQuantizer(mu=None), "linear_max10_bin2"),
        (CameraQuantizer(max_degrees=20.0, bin_size=4.0, mu=5.0), "mu5_max20_bin4"),
    ],
)
def test_quantizer_agrees_over_a_fine_sweep(quantizer: CameraQuantizer, name: str) -> None:
    np.testing.assert_array_equal(quantizer.encode(golden["quant_in"]), golden[f"q_{name}"])
    np.testing.assert_allclose(quantizer.centres, golden[f"dq_{name}"], atol=1e-5)


def test_every_bin_survives_a_round_trip() -> None:
    quantizer = CameraQuantizer()
    assert (quantizer.bins, quantizer.null_bin) == (11, 5)
    np.testing.assert_array_equal(quantizer.encode(quantizer.centres), np.arange(11))
    assert quantizer.encode(1e9) == 10


@pytest.mark.parametrize(
    "quantizer", [CameraQuantizer(10.0, 0.1), CameraQuantizer(3.0, 0.3, None), CameraQuantizer(7, 7)]
)
def test_any_number_of_bins_will_do(quantizer: CameraQuantizer) -> None:
    """Also where the size of a bin has no exact floating-point form."""
    assert quantizer.bins == 2 * round(quantizer.max_degrees / quantizer.bin_size) + 1
    np.testing.assert_array_equal(quantizer.encode(quantizer.centres), np.arange(quantizer.bins))
    mapping = JointMapping(quantizer.bins)
    bins = np.stack(np.meshgrid(*[np.arange(quantizer.bins)] * 2), axis=-1)
    _, back = mapping.decode(*mapping.encode(np.zeros((*bins.shape[:2], 20)), bins))
    np.testing.assert_array_equal(back, bins)
    button_index, camera_index = mapping.encode(np.zeros(20), [quantizer.null_bin] * 2)
    assert (int(button_index), int(camera_index)) == (0, mapping.null_camera)


def test_a_turn_on_the_edge_of_two_bins_goes_to_the_even_one() -> None:
    """With mu = 8 an edge lies at 2.5 degrees, but for rounding."""
    assert CameraQuantizer(mu=8.0).encode([2.5, -2.5]).tolist() == [8, 2]
    assert CameraQuantizer(mu=None).encode([1.0, -1.0, 3.0]).tolist() == [6, 4, 6]


def test_a_turn_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        CameraQuantizer().encode([0.0, np.nan])
    assert CameraQuantizer().encode([np.inf, -np.inf]).tolist() == [10, 0]


def test_a_mapping_needs_a_middle_bin() -> None:
    with pytest.raises(ValueError, match="camera_bins is 10; it must be odd"):
        JointMapping(10)


@pytest.mark.parametrize(
    "chosen",
    [{"max_degrees": 0.0}, {"bin_size": -1.0}, {"mu": 0.0}, {"bin_size": 3.0}, {"bin_size": 99.0}, {"mu": np.inf}],
)
def test_impossible_quantizers_are_refused(chosen: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        CameraQuantizer(**chosen)


def survivors(buttons: np.ndarray) -> np.ndarray:
    """What the joint action can express: opposites cancel, the later of a group wins, the inventory stands alone."""
    kept = {name for name, pressed in zip(BUTTONS, buttons, strict=True) if pressed}
    if "inventory" in kept:
        kept = {"inventory"}
    for pair in ({"forward", "back"}, {"left", "right"}):
        if pair <= kept:
            kept -= pair
    if "sneak" in kept:
        kept.discard("sprint")
    slots = sorted(name for name in kept if name.startswith("hotbar"))
    kept -= set(slots[:-1])
    return np.array([name in kept for name in BUTTONS])


@settings(deadline=None)
@given(arrays(bool, 20), st.tuples(st.integers(0, 10), st.integers(0, 10)))
def test_decoding_an_encoded_action_gives_what_survives(buttons: np.ndarray, bins: tuple[int, int]) -> None:
    decoded, decoded_bins = MAPPING.decode(*MAPPING.encode(buttons, bins))
    np.testing.assert_array_equal(decoded, survivors(buttons))
    assert tuple(decoded_bins) == ((5, 5) if decoded[BUTTONS.index("inventory")] else bins)


@settings(deadline=None)
@given(st.integers(0, 8639), st.integers(0, 120))
def test_encoding_a_decoded_index_is_stable(button_index: int, camera_index: int) -> None:
    """Index pairs that no action encodes to (a turn of nothing, an idle camera that turns) settle after one round."""
    once = MAPPING.encode(*MAPPING.decode(button_index, camera_index))
    assert once == MAPPING.encode(*MAPPING.decode(*once))
    assert once[0] // 2 == button_index // 2


def test_any_leading_shape_will_do() -> None:
    buttons, bins = np.zeros((2, 3, 20), bool), np.full((2, 3, 2), 5)
    joint = MAPPING.encode(buttons, bins)
    assert joint[0].shape == joint[1].shape == (2, 3)
    assert MAPPING.decode(*joint)[0].shape == (2, 3, 20)


def test_indices_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="button index -1 to -1 is out of range: expected 0 to 8640"):
        MAPPING.decode(-1, 0)
    with pytest.raises(ValueError, match="camera bin"):
        MAPPING.encode(np.zeros(20), [0, 11])
