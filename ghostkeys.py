"""The one command: a table of subcommands, each imported only when it is called.

    ghostkeys idm fit --config idm/configs/tiny.yaml --data.root recordings
    ghostkeys label videos/ --checkpoint runs/idm --output labels
    ghostkeys evaluate --agent runs/policy --env ghostkeys/Voxel-v0 --episodes 20

Exit status: 0 all went well; 1 something in the input was bad (each named in one line); 2 wrong usage; 130 stopped with
Ctrl-C.
"""

import io
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple


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
    "data fetch": Command("env.recordings.commands", "data_fetch", "download contractor recordings from an index file"),
    "idm fit": Command("idm.commands", "fit", "train an inverse dynamics model on recordings"),
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
    "bench env": Command(
        "env.voxel.bench", "bench", "measure the embedded world's speed: a tick, processes side by side, the start"
    ),
    "bench policy": Command(
        "agents.bench", "bench", "measure a policy's speed: with its memory or without, one environment or a batch"
    ),
    "evaluate": Command(
        "agents.commands", "evaluate", "play episodes in an environment and report the milestones reached"
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


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
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
    from difflib import get_close_matches

    family = [known for known in COMMANDS if known.startswith(f"{args[0]} ")]
    typed = " ".join(args[:2]) if family else args[0]
    near = get_close_matches(typed, COMMANDS, n=1) if typed != args[0] or not family else []
    near = near or family
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
        print(f"ghostkeys: error: {_unknown(args)}", file=sys.stderr)
        return 2
    from env.errors import GhostkeysError

    _escape_unprintable()
    _log_to_stderr()
    # Torch asks Linux for large pages: with fewer page faults, the IDM's training takes a fifth less processor time.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    command = COMMANDS[name]
    try:
        status: int = getattr(import_module(command.module), command.function)(rest)
    except GhostkeysError as error:
        print(f"ghostkeys: error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of a pipe went away, as in `ghostkeys … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a full disk, a folder that cannot be written, a file that is not there
        print(f"ghostkeys: error: {_describe(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ghostkeys: stopped. Start the same command again to go on.", file=sys.stderr)
        return 130
    return status


def _escape_unprintable() -> None:
    """Shows what the terminal's encoding lacks as escapes: a file's name may hold anything."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _log_to_stderr() -> None:
    """Shows what our own packages have to say, and only warnings of others."""
    logging.basicConfig(format="%(message)s")
    for package in ("env", "idm", "labelling", "agents", "generator"):
        logging.getLogger(package).setLevel(logging.INFO)


def _describe(error: OSError) -> str:
    """One line from an operating system's error: the file first, then what was wrong."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


if __name__ == "__main__":
    sys.exit(main())
