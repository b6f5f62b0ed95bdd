"""The command `ghostkeys data shard`, which gives shards the motion features of an inverse dynamics model."""
# ruff: noqa: T201

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import docstring_parser
import numpy as np
import yaml
from numpy.typing import NDArray

from env.actions import Actions
from env.command_line import CommandParser
from env.errors import GhostkeysError
from env.files import write_json
from env.video.ticks import TICKS_PER_SECOND
from idm.config import IDMConfig, motion_identity
from idm.datamodule import with_motion
from idm.model import motion_features
from learning.checkpoint import read_config as read_checkpoint_config
from learning.data import Episode
from learning.shard_writer import FixedMotion, ShardOptions, write_shards

CONFIGS = Path(__file__).parent / "configs"


def fixed_motion(config: IDMConfig) -> FixedMotion | None:
    """The fixed motion features of a model, as shards keep them; None for a model without any."""
    identity = motion_identity(config)
    if identity is None:
        return None
    features = motion_features(config)

    def compute(frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        length = len(frames)
        motion = with_motion(Episode(frames, Actions.none(length), np.ones(length, np.bool_), ""), features).motion
        assert motion is not None
        return motion

    return FixedMotion(identity, features.features, compute)


def read_config(model: str) -> IDMConfig:
    """The model's config in a checkpoint folder, in a config file of `idm fit`, or in the shipped one of that name.

    Raises `GhostkeysError`.
    """
    path = Path(model)
    shipped = CONFIGS / f"{model.removesuffix('.yaml')}.yaml"
    try:
        if path.is_dir():
            return IDMConfig.from_dict(read_checkpoint_config(path, "idm"))
        if not path.is_file() and not shipped.is_file():
            names = ", ".join(sorted(each.stem for each in CONFIGS.glob("*.yaml")))
            raise GhostkeysError(f"--model {model}: expected a checkpoint folder, a config of `idm fit`, or {names}.")
        file = path if path.is_file() else shipped
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        network = document["model"]["network"] if isinstance(document, Mapping) else None
        if not isinstance(network, Mapping):
            raise GhostkeysError(f"--model {file} has no model.network; expected a config of `idm fit`.")
        return IDMConfig.from_dict(network)
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise GhostkeysError(f"--model {model} is no config of an inverse dynamics model: {error}") from None


def shard(args: list[str]) -> int:
    """Writes recordings as shards; exit status 1 when some could not be read."""
    arguments = _parser().parse_args(args)
    chosen = {field.name: arguments[field.name] for field in fields(ShardOptions)}
    motion = None
    if arguments.model is not None:
        config = read_config(arguments.model)
        _check_agrees("size", arguments.size, config.frame_size)
        _check_agrees("interpolation", arguments.interpolation, config.interpolation)
        chosen |= {"size": config.frame_size, "interpolation": config.interpolation}
        motion = fixed_motion(config)
    elif arguments.size is None:
        chosen["size"] = ShardOptions.size
    report = write_shards(arguments.recordings, arguments.output, ShardOptions(**chosen), motion=motion)
    for path, reason in report.skipped:
        print(f"passed over {path}: {reason}")
    hours = report.ticks / TICKS_PER_SECOND / 3600
    size = f"{report.bytes / 1e6:.1f} MB, {report.bytes / 1e6 / hours:.0f} MB an hour"
    print(f"{arguments.output}: {report.recordings} recordings, {hours:.2f} hours, {size}")
    if arguments.json:
        write_json(arguments.json, report.as_dict())
    return 1 if report.skipped else 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ghostkeys data shard",
        description="Writes recordings at the model's size, with short runs between key frames, in shards with an "
        "index: for object stores and many epochs. Credentials and endpoint of s3:// are those of the AWS tools.",
    )
    add = parser.add_argument  # paths without a type: jsonargparse would read them as YAML, which not all names are
    add("recordings", nargs="+", help="folders of recordings, or recordings")
    add("--output", required=True, help="folder or s3://BUCKET/PREFIX for the shards, where none are yet")
    add(
        "--model",
        help="config of `idm fit` (tiny, base, vpt, or a YAML file) or checkpoint folder: its size, interpolation and "
        "fixed motion features, which are then never computed again",
    )
    types, helps = get_type_hints(ShardOptions), _helps()
    for field in fields(ShardOptions):
        optional = field.name == "size"  # the default of an option that was not given, where the model tells
        add(
            f"--{field.name.replace('_', '-')}",
            type=types[field.name] | None if optional else types[field.name],
            default=None if optional else field.default,
            help=helps[field.name] + (" Default: 128 128, or the model's." if optional else ""),
        )
    add("--json", help="write the summary here, too")
    return parser


def _helps() -> dict[str, str]:
    """What the docstrings below the fields say."""
    return {each.arg_name: each.description or "" for each in docstring_parser.parse_from_object(ShardOptions).params}


def _check_agrees(option: str, given: Any, models: Any) -> None:
    if given is not None and given != models:
        raise GhostkeysError(f"--{option} {given}: the model's is {models}; leave one of --{option} and --model out.")
