"""OpenAI's policies (VPT, arXiv 2206.11795): the published files of 1x, 2x and 3x as one of ours."""

from dataclasses import replace
from pathlib import Path

from torch import nn

import idm.openai as idm_openai
from agents.policy import Policy, PolicyConfig
from env.errors import CheckpointError
from env.files import sha256_of
from learning.checkpoint import save_checkpoint
from learning.openai_files import ModelFile, read_model_file, read_weights_file
from learning.openai_networks import TRUNK, Names, NetworkOptions, build

POLICY_NAMES: Names = (
    (r"^image\.", r"net.img_process.cnn."),
    (r"^linear\.", r"net.img_process.linear."),
    *TRUNK,
    (r"^button_head\.", r"pi_head.buttons.linear_layer."),
    (r"^camera_head\.", r"pi_head.camera.linear_layer."),
    (r"^value_head\.mean$", r"value_head.normalizer.running_mean"),
    (r"^value_head\.mean_square$", r"value_head.normalizer.running_mean_sq"),
    (r"^value_head\.debiasing$", r"value_head.normalizer.debiasing_term"),
    (r"^value_head\.(weight|bias)$", r"value_head.linear.\1"),
)


def load_openai(model_file: Path | str, weights_file: Path | str) -> Policy:
    """A policy of OpenAI's from its `.model` and `.weights`, ready to play; same numbers as their code.

    Like their code it overlooks an episode's start after a chunk's first tick (`starts_within_chunks`); training with
    it does not. Weights without a value head are accepted: cloned policies have no use for one. Raises
    CheckpointError, naming whatever is missing, left over, or refused.
    """
    file = read_model_file(model_file)
    if file.is_idm:
        raise CheckpointError(f"{model_file} is of an inverse dynamics model; expected a policy's.")
    config = policy_config(file)
    tensors = read_weights_file(weights_file)
    has_values = any(name.startswith("value_head.") for name in tensors)
    return build(
        lambda: Policy(config), POLICY_NAMES, tensors, source=weights_file, own=() if has_values else ("value_head.",)
    ).eval()


def convert_openai(model_file: Path | str, weights_file: Path | str, *, output: Path | str) -> str:
    """Writes OpenAI's inverse dynamics model or policy as the checkpoint folder `output`; says in a line what it is.

    Raises CheckpointError, also where `output` holds something already.
    """
    output = Path(output)
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise CheckpointError(f"{output} exists already; name a folder that does not, or an empty one.")
    is_idm = read_model_file(model_file).is_idm
    model = (idm_openai.load_openai if is_idm else load_openai)(model_file, weights_file)
    metadata = {
        "converted_from": [Path(model_file).name, Path(weights_file).name],
        "weights_sha256": sha256_of(Path(weights_file)),
    }
    save_checkpoint(
        output, "idm" if is_idm else "policy", model.config.to_dict(), model.state_dict(), metadata=metadata
    )
    if is_idm:
        return f"{output}: an inverse dynamics model of {_millions(model)}, for `ghostkeys label --checkpoint {output}`"
    return f"{output}: a policy of {_millions(model)}, for `ghostkeys evaluate --size vpt --agent {output}`"


def _millions(model: nn.Module) -> str:
    return f"{sum(weight.numel() for weight in model.parameters()) / 1e6:.1f} M weights"


def policy_config(file: ModelFile) -> PolicyConfig:
    """Our config of a policy's `.model`. Raises CheckpointError."""
    options = NetworkOptions.read(file, mask="clipped_causal")
    if options.memory < 2:
        raise CheckpointError(
            f"{file.path}: attention_memory_size leaves {options.memory} ticks of memory beside timesteps; "
            "expected 2 or more."
        )
    try:
        return replace(
            PolicyConfig.vpt(),
            size=options.size,
            channels=options.channels,
            width=options.width,
            depth=options.depth,
            heads=options.heads,
            memory=options.memory,
            mlp_ratio=options.mlp_ratio,
            temperature=options.temperature,
            starts_within_chunks=False,
        )
    except ValueError as error:
        raise CheckpointError(f"{file.path} describes a policy that cannot be built: {error}.") from None
