"""ghostkeys infers the keys and the mouse behind gameplay video.

    import ghostkeys

    model = ghostkeys.load_idm("runs/idm")
    recording = ghostkeys.Recording.open("play.mp4")

Names such as these are imported when they are first asked for. The module is the command `ghostkeys` as well:

    ghostkeys idm fit --config tiny --data.root recordings --output runs/idm
    ghostkeys label videos/ --checkpoint runs/idm --output labels
    ghostkeys evaluate --agent runs/policy --env ghostkeys/Voxel-v0 --episodes 20

Exit status: 0 all went well; 1 something in the input was bad (each named in one line); 2 wrong usage; 130 stopped with
Ctrl-C; 143 stopped with SIGTERM.
"""

import io
import logging
import os
import sys
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from difflib import get_close_matches
from hashlib import sha256
from importlib import import_module
from importlib.metadata import PackageNotFoundError, files, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from agents import evaluate, rollout
    from agents import load as load_policy
    from agents.record import record
    from env import BUTTONS, Actions, Recording, find_recordings
    from env.errors import GhostkeysError
    from generator import Sampler
    from generator import load as load_generator
    from idm import load as load_idm
    from idm import score
    from labelling import label_videos, read_labels, score_labels

__all__ = [
    "BUTTONS",
    "Actions",
    "GhostkeysError",
    "Recording",
    "Sampler",
    "evaluate",
    "find_recordings",
    "label_videos",
    "load_generator",
    "load_idm",
    "load_policy",
    "main",
    "read_labels",
    "record",
    "rollout",
    "score",
    "score_labels",
]

_SOURCES: dict[str, tuple[str, str]] = {
    "BUTTONS": ("env", "BUTTONS"),
    "Actions": ("env", "Actions"),
    "GhostkeysError": ("env.errors", "GhostkeysError"),
    "Recording": ("env", "Recording"),
    "Sampler": ("generator", "Sampler"),
    "evaluate": ("agents", "evaluate"),
    "find_recordings": ("env", "find_recordings"),
    "label_videos": ("labelling", "label_videos"),
    "load_generator": ("generator", "load"),
    "load_idm": ("idm", "load"),
    "load_policy": ("agents", "load"),
    "read_labels": ("labelling", "read_labels"),
    "record": ("agents.record", "record"),
    "rollout": ("agents", "rollout"),
    "score": ("idm", "score"),
    "score_labels": ("labelling", "score_labels"),
}
"""The module and the name there of each public name."""

PACKAGES = ("env", "learning", "idm", "labelling", "agents", "generator")
"""Ours, beside this file. Their names are common: another module of that name may be found first."""


def __getattr__(name: str) -> Any:
    if name not in _SOURCES:
        raise AttributeError(f"module 'ghostkeys' has no attribute {name!r}")
    if obstacle := _obstacle():
        raise ImportError(obstacle)
    module, there = _SOURCES[name]
    return getattr(import_module(module), there)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _obstacle() -> str | None:
    """What would be imported in place of one of our packages, in one line that says what to do; None if nothing."""
    for name in PACKAGES:
        ours = Path(__file__).resolve().parent / name / "__init__.py"
        loaded = sys.modules.get(name)
        spec = None if loaded else find_spec(name)
        found = getattr(loaded, "__file__", None) or (spec.origin if spec else None)
        if found is None or Path(found).resolve() != ours:
            where = found or "nothing"
            owners = [each for each in packages_distributions().get(name, []) if each != "ghostkeys"]
            whose = f" (of {', '.join(owners)})" if owners and "site-packages" in where else ""
            return (
                f"{where}{whose} is in the way of the package {name!r} of ghostkeys: rename it, run ghostkeys from "
                "another folder, or install ghostkeys into an environment of its own."
            )
        if not _is_as_installed(ours, name):
            return (
                f"{ours} is not the file that ghostkeys installed: another distribution, such as openai-agents, has "
                "overwritten it. Install ghostkeys into an environment of its own."
            )
    return None


def _is_as_installed(file: Path, package: str) -> bool:
    """Whether a package's first file is the one of the wheel, by the wheel's own list; True without such a list."""
    try:
        listed = [each for each in files("ghostkeys") or () if each.as_posix() == f"{package}/__init__.py"]
    except PackageNotFoundError:
        return True
    if not listed or listed[0].hash is None or Path(str(listed[0].locate())).resolve() != file:
        return True
    digest = urlsafe_b64encode(sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
    return listed[0].hash.value == digest


class Command(NamedTuple):
    """Where a subcommand lives and what it is for."""

    module: str
    function: str
    summary: str


COMMANDS: dict[str, Command] = {
    "record": Command(
        "agents.commands", "record", "let the scripted player play, and write recordings (video + keys and mouse)"
    ),
    "record --player human": Command(
        "labelling.studio.commands", "record", "play yourself, in the browser, and write recordings"
    ),
    "data check": Command(
        "env.recordings.commands", "data_check", "tell what is wrong with recordings, and what is in them"
    ),
    "data clean": Command(
        "env.recordings.commands", "data_clean", "remove decoded frames and what killed processes have left in a folder"
    ),
    "data fetch": Command("env.recordings.commands", "data_fetch", "download contractor recordings from an index file"),
    "data shard": Command(
        "idm.sharding", "shard", "write recordings at the model's size in shards, for object stores and many epochs"
    ),
    "idm fit": Command("idm.commands", "fit", "train an inverse dynamics model on recordings"),
    "idm curve": Command(
        "idm.commands", "curve", "tell how good the model gets with more minutes of labelled play: one for each amount"
    ),
    "idm validate": Command(
        "idm.commands", "validate", "score an inverse dynamics model on recordings it has not seen"
    ),
    "idm predict": Command("idm.commands", "predict", "infer the keys and the mouse behind one video"),
    "label": Command("labelling.commands", "label", "label many videos with an inverse dynamics model"),
    "agent fit": Command(
        "agents.commands", "fit", "train a policy by behavioural cloning on recordings or labelled videos"
    ),
    "convert": Command(
        "agents.commands", "convert", "turn OpenAI's VPT files (.model and .weights) into a checkpoint folder"
    ),
    "bench idm": Command("idm.bench", "bench", "measure the inverse dynamics model's speed beside the plain network's"),
    "bench loader": Command(
        "idm.loader_bench", "bench", "measure the loader of streamed frames: its rate, a step's time, the memory"
    ),
    "bench env": Command(
        "env.voxel.bench", "bench", "measure the embedded world's speed: a tick, processes side by side, the start"
    ),
    "bench policy": Command(
        "agents.bench", "bench", "measure a policy's speed: with its memory or without, one environment or a batch"
    ),
    "evaluate": Command(
        "agents.commands", "evaluate", "play episodes in an environment and report the milestones reached"
    ),
    "env check": Command(
        "env.conformance.commands", "check", "tell whether an environment does what MineRL's actions promise"
    ),
    "generator fit": Command("generator.commands", "fit", "train the video generator on recordings or labelled videos"),
    "generator validate": Command(
        "generator.commands",
        "validate",
        "score the generator against copying the last frame, on recordings it has not seen",
    ),
    "generator sample": Command(
        "generator.commands", "sample", "generate video from a start frame and a list of actions"
    ),
}


def _version() -> str:
    try:
        return version("ghostkeys")
    except PackageNotFoundError:
        return "unknown (not installed)"


def _usage(group: str = "") -> str:
    """All commands, or those of a group such as `idm`."""
    listed = {name: command for name, command in COMMANDS.items() if name.startswith(group)}
    width = max(map(len, listed))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in listed.items()]
    return "\n".join(
        [
            "usage: ghostkeys COMMAND [ARGUMENTS]      (ghostkeys COMMAND --help lists a command's arguments)",
            "",
            "Infers the keys and the mouse behind gameplay video.",
            "",
            *lines,
            "",
            "  --version  print the version",
        ]
    )


def _split(args: Sequence[str]) -> tuple[str, list[str]]:
    """Separates the command's name (one or two words) from its arguments; an unknown name comes back as it is.

    A name with an option in it (`record --player human`) is meant wherever among the arguments the option stands.
    """
    for words in (2, 1):
        name = " ".join(args[:words])
        if len(args) >= words and name in COMMANDS:
            rest = list(args[words:])
            given = f" {' '.join(rest)} ".replace("=", " ")
            special = [known for known in COMMANDS if known.startswith(f"{name} --") and known[len(name) :] in given]
            return (special or [name])[0], rest
    return " ".join(args[:1]), list(args[1:])


def _unknown(args: Sequence[str]) -> str:
    """What to say of a command that does not exist."""
    group = [known for known in COMMANDS if known.startswith(f"{args[0]} ")]
    if group and (len(args) == 1 or args[1].startswith("-")):
        return f"{args[0]!r} is a group of commands: give one of {', '.join(group)}."
    typed = " ".join(args[:2]) if group else args[0]
    names = {name.split()[0]: name.split()[0] for name in COMMANDS} | {name: name for name in COMMANDS}
    near = get_close_matches(" ".join(args[:2]), COMMANDS, n=1) or get_close_matches(typed, names, n=1) or group
    hint = f"Did you mean: {', '.join(near)}?" if near else "`ghostkeys --help` lists the commands."
    return f"there is no command {typed!r}. {hint}"


def main(args: Sequence[str] | None = None) -> int:
    """Runs one subcommand and returns its exit status."""
    args = sys.argv[1:] if args is None else args
    if not args or args[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0
    if args[0] == "--version":
        print(f"ghostkeys {_version()}")
        return 0
    name, rest = _split(args)
    if name not in COMMANDS:
        if len(args) > 1 and args[1] in ("-h", "--help", "help") and any(c.startswith(f"{name} ") for c in COMMANDS):
            print(_usage(f"{name} "))
            return 0
        return _fail(_unknown(args), status=2)
    if obstacle := _obstacle():
        return _fail(obstacle, status=1)
    return _run(COMMANDS[name], rest)


def _run(command: Command, args: list[str]) -> int:
    """Runs a command; whatever it raises, other than a bug, becomes one line and a status."""
    from env.errors import GhostkeysError, UsageError
    from env.waiting import Terminated, announced, sigterm_like_ctrl_c

    _escape_unprintable()
    _log_to_stderr()
    # Torch asks Linux for large pages: with fewer page faults, the IDM's training takes a fifth less processor time.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    try:
        with sigterm_like_ctrl_c():
            with announced("loading the libraries …", after=3.0):
                module = import_module(command.module)
            status: int = getattr(module, command.function)(args)
            return status
    except UsageError as error:
        return _fail(error, status=2)
    except GhostkeysError as error:
        return _fail(error, status=1)
    except BrokenPipeError:  # the reader of a pipe went away, as in `ghostkeys … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a full disk, a folder that cannot be written, a file that is not there
        return _fail(_describe(error), status=1)
    except KeyboardInterrupt as stop:
        print("ghostkeys: stopped. Start the same command again to go on.", file=sys.stderr)
        return 143 if isinstance(stop, Terminated) else 130


def _fail(reason: object, *, status: int) -> int:
    """Says in one line why nothing came of it."""
    print(f"ghostkeys: error: {str(reason).strip().replace(chr(10), ' ')}", file=sys.stderr)
    return status


def _escape_unprintable() -> None:
    """Shows what the terminal's encoding lacks as escapes: a file's name may hold anything."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _log_to_stderr() -> None:
    """Shows what our own packages have to say, and only warnings of others."""
    logging.basicConfig(format="%(message)s")
    for package in PACKAGES:
        logging.getLogger(package).setLevel(logging.INFO)


def _describe(error: OSError) -> str:
    """One line from an operating system's error: the file first, then what was wrong."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


if __name__ == "__main__":
    sys.exit(main())
