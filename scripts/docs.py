"""Writes the parts of the documentation that are read off the code: options, spaces, rewards, columns, public names.

    python scripts/docs.py            brings the pages in docs/ up to date
    python scripts/docs.py --check    changes nothing; names the pages that are out of date, and exits with status 1

On a page such a part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`; the rest is written by hand.
The site is built from the pages by `zensical build --strict --clean`.
"""

import argparse
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NoReturn, Union
from unittest import mock

import gymnasium
import jsonargparse
from gymnasium import spaces

import ghostkeys

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs"
PART = re.compile(r"(<!-- generated: (?P<name>[^>]+?) -->\n).*?(<!-- /generated -->)", re.DOTALL)
PACKAGES = ("env", "learning", "idm", "labelling", "agents", "generator")
TRAINING = ("idm fit", "agent fit", "generator fit")
SETTINGS_OF = {**{name: name for name in TRAINING}, "idm curve": "idm fit"}
"""Commands that take the settings of a training command, and of which."""
CONFIG_KEYS = ("model", "data")
"""Options of the training commands that config files hold, and the page on configuration lists."""
LIGHTNINGS = ("trainer", "optimizer", "lr_scheduler")
"""Options of the training commands that Lightning documents."""

MEANINGS = {
    "learning_rate": "Largest learning rate of AdamW, reached after `warmup_steps`.",
    "weight_decay": "AdamW's weight decay.",
    "warmup_steps": "Steps over which the learning rate rises.",
    "model.flip": "Mirrors half of the training windows, with left and right and the yaw swapped.",
    "model.vae_steps": "Steps that train the autoencoder; the rest of `trainer.max_steps` trains the transformer.",
    "model.vae_learning_rate": "Largest learning rate of the autoencoder.",
    "model.seed": "Decides the noise in training, and the frames that the autoencoder starts from.",
    "validation_root": "Folder of other recordings to validate on, instead of a share of those under `data.root`.",
    "heads": "Attention heads.",
    "appearance_channels": "Channels of the image network's stages.",
    "max_positive_weight": "Bound of that weight.",
    "camera.max_degrees": "Turns about an axis in a tick are clipped to as many degrees.",
    "camera.mu": "How much finer small turns are told apart than large ones; null for even bins.",
    "phase.window": "Rows and columns of a window.",
    "config": "YAML file to take options from. Given twice, the later counts; options on the command line count most.",
    "print_config": "Prints the configuration as YAML and exits.",
    "model.policy": "The policy's size; see below.",
}
"""What an option means where its own class does not say it in a place that the parser reads."""
JSONARGPARSES = ("config", "print_config")
"""Options of every parser, whose own help is long."""


class _Asked(BaseException):  # no Exception: a command would report it
    """A command's parser was asked for help."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a command such as "idm fit", taken at the moment when it would print its help."""

    def take(parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        raise _Asked(parser)

    command = ghostkeys.COMMANDS[name]
    with mock.patch.object(argparse.ArgumentParser, "print_help", take):
        try:
            getattr(import_module(command.module), command.function)(["--help"])
        except _Asked as asked:
            return asked.parser
    raise RuntimeError(f"`ghostkeys {name} --help` prints no help.")


def options_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """What can be given, positional arguments first; without what only asks for more help."""
    hidden = ("ActionLink", "_ActionConfigLoad", "_ActionHelpClassPath")
    actions = [each for each in parser._actions if type(each).__name__ not in hidden and each.help != "==SUPPRESS=="]
    actions = [each for each in actions if each.dest != "print_shtab"]
    yield from sorted(actions, key=lambda action: bool(action.option_strings))


def shown_name(action: argparse.Action) -> str:
    """As it is typed: words joined by dashes; the keys of config files keep their underscores."""
    if not action.option_strings:
        return action.dest.upper()
    name = action.option_strings[-1]
    return name if "." in name else name.replace("_", "-")


def shown_kind(kind: Any) -> str:
    """A type in a reader's words."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inside)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(shown_kind(each) for each in inside))
    if origin in (tuple, list):
        if inside[-1] is Ellipsis or origin is list:
            return f"list of {shown_kind(inside[0])}"
        return f"{len(inside)} x {shown_kind(inside[0])}"
    names: dict[Any, str] = {Path: "path", int: "integer", float: "number", str: "text", bool: "true or false"}
    names |= {None: "text", type(None): "null"}
    return names.get(kind) or f"{getattr(kind, '__name__', kind)}"


def shown_value(action: argparse.Action) -> str:
    """Type and default."""
    if action.nargs == 0 or action.dest == "print_config":
        return "switch"
    choices = " or ".join(f"`{value}`" for value in action.choices) if action.choices else ""
    kind = choices or shown_kind(getattr(action, "_typehint", None) or action.type)
    kind = f"one or more x {kind}" if action.nargs == "+" else kind
    kind = f"{action.nargs} x {kind}" if isinstance(action.nargs, int) and action.nargs > 1 else kind
    if action.required:
        return f"{kind}, required"
    if action.default is None or action.default == "==SUPPRESS==":
        return kind.removesuffix(" or null")
    return f"{kind}, default `{_plain(action.default)}`"


def _plain(value: Any) -> str:
    """A default as it stands in YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_plain(each) for each in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def shown_meaning(action: argparse.Action) -> str:
    """What an option is for: its own help, or what `MEANINGS` says. KeyError where neither does."""
    names = action.dest.split(".")
    known = [MEANINGS[name] for name in (action.dest, ".".join(names[-2:]), names[-1]) if name in MEANINGS]
    own = [] if action.dest in JSONARGPARSES else [action.help] if action.help else []
    if not own + known:
        raise KeyError(f"the option {action.dest} has no description: give it one in its class, or in scripts/docs.py.")
    text = " ".join((own + known)[0].split())
    return _escaped(text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else "."))


_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "*["})


def _escaped(text: str) -> str:
    """Text for Markdown; what stands between backticks stays as it is."""
    pieces = text.split("`")
    pieces[::2] = [piece.replace("<", "&lt;").translate(_MARKS) for piece in pieces[::2]]
    return "`".join(pieces)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *escaped]]
    return "\n".join(lines) + "\n"


def option_table(actions: Sequence[argparse.Action]) -> str:
    """A row an option: name, value, meaning."""
    rows = [[f"`{shown_name(each)}`", shown_value(each), shown_meaning(each)] for each in actions]
    return table(["option", "value", "meaning"], rows)


def commands() -> str:
    """Every command with its options."""
    return "\n".join(_command(name) for name in ghostkeys.COMMANDS)


def _command(name: str) -> str:
    parser = parser_of(name)
    actions = [each for each in options_of(parser) if each.dest != "help"]
    elsewhere = ""
    if name in SETTINGS_OF:
        actions = [each for each in actions if each.dest.split(".")[0] not in (*CONFIG_KEYS, *LIGHTNINGS)]
        page = f"[Configuration](configuration.md#{SETTINGS_OF[name].replace(' ', '-')})"
        elsewhere = f"\n`--model.…`, `--data.…` and `--trainer.…` are on the page {page}.\n"
    description = _escaped(" ".join((parser.description or "").split()))
    summary = ghostkeys.COMMANDS[name].summary
    text = description if description and name not in TRAINING else f"{summary[0].upper()}{summary[1:]}."
    return f"## ghostkeys {name}\n\n{text}\n\n{option_table(actions)}{elsewhere}"


def configuration(name: str) -> str:
    """The options of a training command that its config files hold: a table for each level that has some."""
    rows: list[list[str]] = []
    for each in options_of(parser_of(name)):
        if each.dest.split(".")[0] in CONFIG_KEYS:
            rows += [[each.dest, shown_value(each), shown_meaning(each)], *_rows_inside(each)]
    levels: dict[str, list[list[str]]] = {}
    for dest, *rest in rows:
        level, _, field = dest.rpartition(".")
        levels.setdefault(level, []).append([f"`{field}`", *rest])
    return "\n".join(f"`{level}`:\n\n{table(['option', 'value', 'meaning'], found)}" for level, found in levels.items())


def _rows_inside(action: argparse.Action) -> list[list[str]]:
    """The fields of a dataclass that the parser takes as a whole, such as the members of `model.network.motion`."""
    hint = getattr(action, "_typehint", None)
    inside = [each for each in typing.get_args(hint) if hasattr(each, "__dataclass_fields__")]
    if not inside:
        return []
    parser, many = jsonargparse.ArgumentParser(), "[]" if typing.get_origin(hint) is tuple else ""
    name = action.dest.split(".")[-1]
    parser.add_class_arguments(inside[0], name)
    fields = [each for each in options_of(parser) if each.dest.startswith(f"{name}.")]
    shown = [(each.dest.removeprefix(f"{name}."), each) for each in fields]
    return [[f"{action.dest}{many}.{field}", shown_value(each), shown_meaning(each)] for field, each in shown]


def trainer() -> str:
    """Lightning's options that have other defaults here."""
    from learning.training import TRAINER_DEFAULTS

    def shown(value: Any) -> str:
        return "null" if value is None else _plain(value)

    return table(["option", "default here"], [[f"`trainer.{k}`", f"`{shown(v)}`"] for k, v in TRAINER_DEFAULTS.items()])


def environments() -> str:
    """The registered ids with what they set."""
    import env as environments

    assert environments
    rows = []
    for name, spec in sorted(gymnasium.registry.items()):
        if name.startswith("ghostkeys/"):
            rows.append([f"`{name}`", ", ".join(f"`{key}={value!r}`" for key, value in spec.kwargs.items()) or "–"])
    return table(["id", "sets"], rows)


def observations() -> str:
    """The observation space at its default size."""
    from env.voxel.environment import VoxelEnv

    space = VoxelEnv().observation_space
    assert isinstance(space, spaces.Dict)
    return table(["name", "space"], list(_spaces(space, "")))


def _spaces(space: spaces.Dict, prefix: str) -> Iterator[list[str]]:
    for name, part in space.items():
        if name == "inventory" and isinstance(part, spaces.Dict):
            yield [f"`{prefix}{name}`", f"`Dict` of {len(part)} items, each `{next(iter(part.values()))}`"]
        elif isinstance(part, spaces.Dict):
            yield from _spaces(part, f"{prefix}{name}.")
        else:
            # repr of Text lists every letter
            shown = f"Text({part.max_length})" if isinstance(part, spaces.Text) else repr(part)
            yield [f"`{prefix}{name}`", f"`{shown}`"]


def rewards() -> str:
    """What each item pays."""
    from env.tasks import TASKS, VPT_REWARDS

    rows = []
    for name, reward in VPT_REWARDS.items():
        tasks = ", ".join(f"`{goal}`" for goal, task in TASKS.items() if name in task.rewards)
        rows.append(
            [f"`{name}`", str(reward.quantity), f"{reward.each:.4g}", f"{reward.quantity * reward.each:.3g}", tasks]
        )
    return table(["item", "at most", "each", "together", "tasks"], rows)


def label_columns() -> str:
    """The columns of a label table, and its version."""
    from env.actions import BUTTONS
    from env.recordings.labels import LABEL_FORMAT_VERSION, LABEL_SCHEMA

    meanings = {
        "frame": "Number of the frame in the source video that the tick shows, in order of presentation, from 0.",
        "time": "Time stamp of that frame, in seconds from the first frame.",
        "camera_pitch": "Degrees that the view turns down.",
        "camera_yaw": "Degrees that the view turns to the right.",
        "probability.camera": "Probability that the camera's turn is right.",
        "usable": "Whether the tick is to be trained on.",
        "reason": "Why a tick is not usable; null where it is.",
    }
    rows = []
    for field in LABEL_SCHEMA:
        if field.name in (BUTTONS[0], f"probability.{BUTTONS[0]}"):
            rows.append(_button_columns(field.name.removesuffix(BUTTONS[0]), str(field.type)))
        elif field.name.removeprefix("probability.") not in BUTTONS:
            kind = "dictionary of strings" if "dictionary" in str(field.type) else str(field.type)
            rows.append([f"`{field.name}`", kind, _told(field.name, meanings)])
    head = f"Format version {LABEL_FORMAT_VERSION}; {len(LABEL_SCHEMA)} columns:"
    return f"{head}\n\n{table(['column', 'type', 'content'], rows)}"


def _button_columns(prefix: str, kind: str) -> list[str]:
    """One row for the twenty columns of one kind."""
    from env.actions import BUTTONS

    if prefix:
        names = f"`{prefix}{BUTTONS[0]}` to `{prefix}{BUTTONS[-1]}`"
        return [names, kind, f"Probability that the button is held; one column for each of the {len(BUTTONS)} buttons."]
    return [", ".join(f"`{button}`" for button in BUTTONS), kind, "Whether the button is held."]


def quality_reasons() -> str:
    """Why ticks are not usable, in the order in which they are looked for."""
    from labelling.quality import REASONS

    meanings = {
        "absent": "the video shows no frame for this tick",
        "gap": "frames are missing here, or another stream begins: nothing shows what the action did",
        "black": "the picture is black",
        "letterboxed": "black bars at two opposite edges, for ten seconds or more",
        "duplicated": "the frame is shown twice: the source has fewer frames a second than it says",
        "frozen": "the same picture for five seconds or more",
        "cut": "the scene changes",
        "low confidence": "the model's probability that all keys and the mouse are right is below `--low-confidence`",
    }
    return table(["reason", "meaning"], [[f"`{reason}`", _told(reason, meanings)] for reason in REASONS])


def _told(name: str, meanings: Mapping[str, str]) -> str:
    """What a name means. KeyError where nobody has said it."""
    if name not in meanings:
        raise KeyError(f"{name!r} has no description: give it one in scripts/docs.py.")
    return meanings[name]


def documented(package: str, name: str) -> str:
    """Where mkdocstrings finds a public name. Where a module has the same name, it would take the module."""
    if find_spec(f"{package}.{name}") is None:
        return f"{package}.{name}"
    return f"{package}.{name}.{name}"


def api(package: str) -> str:
    """One mkdocstrings directive for each public name."""
    names = sorted(import_module(package).__all__, key=str.lower)
    return "\n".join(f"::: {documented(package, name)}\n" for name in names)


def entry_points() -> str:
    """The names of `import ghostkeys`, each with a link to where it is described."""
    public = {
        id(getattr(import_module(package), name)): (package, documented(package, name))
        for package in PACKAGES
        for name in import_module(package).__all__
    }
    rows = []
    for name in sorted(getattr(ghostkeys, "__all__", ()), key=str.lower):
        thing = getattr(ghostkeys, name)
        if id(thing) in public:
            package, place = public[id(thing)]
            home = f"[`{place}`]({package}.md#{place})"
        else:
            home = f"`{thing.__module__}.{thing.__qualname__}`"
        summary = "" if isinstance(thing, tuple) else (thing.__doc__ or "").partition("\n")[0]
        rows.append([f"`{name}`", home, _escaped(summary)])
    return table(["name", "is", "what for"], rows)


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    **{f"options {name}": partial(configuration, name) for name in TRAINING},
    "trainer": trainer,
    "environments": environments,
    "observations": observations,
    "rewards": rewards,
    "label columns": label_columns,
    "quality reasons": quality_reasons,
    "api ghostkeys": entry_points,
    **{f"api {name}": partial(api, name) for name in PACKAGES},
}


def filled_in(page: str) -> str:
    """The page with its generated parts as they should be."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]()}\n{found[3]}", page)


def main(args: Sequence[str] | None = None) -> int:
    """Writes, or with `--check` compares."""
    parser = argparse.ArgumentParser(prog="python scripts/docs.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if a page is out of date")
    check = parser.parse_args(args).check
    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    outdated = []
    for path in sorted(PAGES.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        wanted = filled_in(page)
        if wanted == page:
            continue
        outdated.append(path.relative_to(ROOT))
        if not check:
            path.write_text(wanted, encoding="utf-8")
    for path in outdated:
        print(f"{path} is out of date; run: python scripts/docs.py" if check else f"wrote {path}")
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
