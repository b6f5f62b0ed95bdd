"""OpenAI's inverse dynamics model (VPT, arXiv 2206.11795): the published files as one of our models.

What is shared with the policies is in `learning.openai_networks`.
"""

from dataclasses import replace
from pathlib import Path

from env.errors import CheckpointError
from idm.config import IDMConfig
from idm.model import InverseDynamicsModel
from learning.openai_files import ModelFile, read_model_file, read_weights_file
from learning.openai_networks import MAX_WIDTH, TRUNK, Names, NetworkOptions, Options, build

IDM_NAMES: Names = (
    (r"^appearance\.temporal\.", r"net.conv3d_layer."),
    (r"^appearance\.cnn\.", r"net.img_process.cnn."),
    (r"^join\.", r"net.img_process.linear."),
    *TRUNK,
    (r"^button_head\.linear\.", r"pi_head.buttons.linear_layer."),
    (r"^camera_head\.linear\.", r"pi_head.camera.linear_layer."),
)
OUR_OWN = ("calibration.", "mirrored_calibration.", "mirror_pays", "positive_weight", "camera_spread")
"""Beginnings of the names of our tensors that OpenAI's files do not have."""


def load_openai(model_file: Path | str, weights_file: Path | str) -> InverseDynamicsModel:
    """OpenAI's inverse dynamics model from its `.model` and `.weights`, ready to predict; same numbers as their code.

    Its `predict` works in overlapping windows and keeps their middles, as the paper labelled; theirs shows one window
    after the other. Raises CheckpointError, naming whatever is missing, left over, or refused.
    """
    file = read_model_file(model_file)
    if not file.is_idm:
        raise CheckpointError(f"{model_file} is of a policy; expected an inverse dynamics model's.")
    config = idm_config(file)
    tensors = read_weights_file(weights_file)
    model = build(lambda: InverseDynamicsModel(config), IDM_NAMES, tensors, source=weights_file, own=OUR_OWN)
    return model.eval()


def idm_config(file: ModelFile) -> IDMConfig:
    """Our config of an inverse dynamics model's `.model`. Raises CheckpointError."""
    options = NetworkOptions.read(file, mask="none")
    return replace(
        IDMConfig.vpt(),
        frame_size=options.size,
        window=options.window,
        appearance_channels=options.channels,
        temporal_filters=_temporal_filters(file),
        width=options.width,
        depth=options.depth,
        heads=options.heads,
        memory=options.memory,
        mlp_ratio=options.mlp_ratio,
        temperature=options.temperature,
    )


def _temporal_filters(file: ModelFile) -> int:
    """Filters of the convolution over five frames; another convolution is refused."""
    options = Options(file.path, file.network["conv3d_params"])
    options.must_be("inchan", 3)
    options.must_be("kernel_size", [5, 1, 1])
    options.must_be("padding", [2, 0, 0])
    return options.number("outchan", 1, MAX_WIDTH)
