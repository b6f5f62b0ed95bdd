"""The command `ghostkeys label`."""
# ruff: noqa: T201

from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_type_hints

import docstring_parser
from jsonargparse import ArgumentParser

from env.errors import GhostkeysError
from env.files import check_writable, write_json
from labelling.engine import label_videos
from labelling.options import LabelOptions


def label(args: list[str]) -> int:
    """Labels many videos; exit status 1 when some could not be."""
    arguments = _parser().parse_args(args)
    if arguments.json:
        _check_file(Path(arguments.json))
    options = LabelOptions(**{field.name: arguments[field.name] for field in _shown_fields()})
    report = label_videos(arguments.videos, checkpoint=arguments.checkpoint, output=arguments.output, options=options)
    print(report.as_text())
    if arguments.json:
        write_json(arguments.json, report.as_dict())
    return 1 if report.with_status("failed") else 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="ghostkeys label",
        description="Infers the keys and the mouse behind videos: <stem>.labels.parquet for each. "
        "Started again, it skips what is done.",
    )
    add = parser.add_argument  # paths without a type: jsonargparse would read them as YAML, which not all names are
    add("videos", nargs="+", help="video files, folders of videos, or patterns such as 'night/*/*.mp4'")
    add("--checkpoint", required=True, help="folder of the trained inverse dynamics model")
    add("--output", required=True, help="folder for the label files")
    types, helps = get_type_hints(LabelOptions), _helps()
    for field in _shown_fields():
        kind: dict[str, Any] = {"action": "store_true"} if types[field.name] is bool else {"type": types[field.name]}
        add(f"--{field.name.replace('_', '-')}", default=field.default, help=helps[field.name], **kind)
    add("--json", help="write the summary here, too")
    return parser


def _shown_fields() -> Iterator[Field[Any]]:
    """The fields of `LabelOptions` that are options of the command: those that hold one value."""
    return (field for field in fields(LabelOptions) if field.name != "quality")


def _helps() -> dict[str, str]:
    """What the docstrings below the fields say."""
    return {each.arg_name: each.description or "" for each in docstring_parser.parse_from_object(LabelOptions).params}


def _check_file(path: Path) -> None:
    """Raises `GhostkeysError`, before the work is done, for a file that could not be written after it."""
    if path.is_dir():
        raise GhostkeysError(f"--json {path} is a folder; expected a file.")
    check_writable(path.parent)
