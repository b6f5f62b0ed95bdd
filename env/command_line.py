"""The grammar of every command: options with dashes, configs by name, and errors of one line.

    status = run_command(_evaluate, args, program="ghostkeys evaluate")

`--max-ticks` and `--max_ticks` are the same option, `--size 180 320` is `--size [180,320]`, `--env-options.spec X` is
`--env-options '{"spec": "X"}'`, `--mirror` is `--mirror true`, `--no-mirror` is `--mirror false`, and
`--config tiny` is the package's own `configs/tiny.yaml`.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, auto_cli

from env.errors import GhostkeysError, UsageError

_OPTION = re.compile(r"--[a-z][\w.+-]*")
_TRUTHS = ("true", "false", "yes", "no", "null")
_NUMBER = re.compile(r"-?\d+(\.\d*)?")


def run_command(function: Callable[..., Any], args: Sequence[str], *, program: str, positional: bool = False) -> Any:
    """Calls a function with its parameters as options; required ones are arguments without a name if `positional`.

    Raises UsageError for what the function does not take.
    """
    return auto_cli(function, args=list(args), prog=program, as_positional=positional, parser_class=CommandParser)


def check_at_least_1(**options: int) -> None:
    """Raises GhostkeysError for the first option that is below 1."""
    for name, value in options.items():
        if value < 1:
            raise GhostkeysError(f"--{name.replace('_', '-')} {value}: expected 1 or more.")


class CommandParser(ArgumentParser):
    """A parser that raises UsageError, with a message of one line, where others print their usage and exit."""

    configs: Path | None = None
    """Folder of the configs that `--config` finds by their names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "exit_on_error": False})

    def parse_args(self, args: Any = None, *more: Any, **kwargs: Any) -> Any:
        """The options' values. Raises UsageError."""
        words = sys.argv[1:] if args is None else [str(word) for word in args]
        try:
            return super().parse_args(self._in_full(words), *more, **kwargs)
        except argparse.ArgumentError as error:
            raise UsageError(f"{self._explain(error)} (`{self.prog} --help` lists the options.)") from None

    def format_help(self, formatter: Any = None) -> str:
        """The help, with dashes in the names of options."""
        text: str = super().format_help() if formatter is None else super().format_help(formatter)
        return _OPTION.sub(lambda option: option[0].replace("_", "-"), text)

    def _in_full(self, words: Sequence[str]) -> list[str]:
        """The arguments with the options' names as the parser knows them, tuples in brackets, configs as paths."""
        full: list[str] = []
        pending: list[str] = []  # numbers of a tuple so far
        option = ""
        for place, word in enumerate(words):
            if pending and _NUMBER.fullmatch(word):
                pending.append(word)
                full[-1] = f"[{','.join(pending)}]"
                continue
            pending = []
            if word.startswith("--"):
                name, equals, value = word.partition("=")
                option = self._known(name)
                if not equals and (said := self._switched(name, words[place + 1 : place + 2])):
                    full.append(said)
                    option = ""
                    continue
                full.append(option + equals + (self._config(value) if equals and option == "--config" else value))
                option = "" if equals else option
                continue
            if option and self._takes_tuple(option) and _NUMBER.fullmatch(word):
                pending = [word]
            full.append(self._config(word) if option in ("--config", "-c") else word)
            option = word if word == "-c" else ""
        return full

    def _known(self, name: str) -> str:
        """An option's name as it was added: `--max-ticks` is `--max_ticks`, `--env-options.a-b` `--env_options.a_b`."""
        if name in self._option_string_actions:
            return name
        spellings = {known.replace("_", "-"): known for known in self._option_string_actions}
        option, dot, key = name.partition(".")  # one entry of an option that is a dict, unless the whole is an option
        whole, first = spellings.get(name.replace("_", "-")), spellings.get(option.replace("_", "-"))
        return whole or (f"{first}.{key.replace('-', '_')}" if dot and first else name)

    def _switched(self, name: str, following: Sequence[str]) -> str | None:
        """`--mirror` with no value after it and `--no-mirror` in full, for options that are true or false."""
        option, negative = self._known(name), self._known(f"--{name.removeprefix('--no-')}")
        if name.startswith("--no-") and self._is_switch(negative):
            return f"{negative}=false"
        if self._is_switch(option) and not (following and following[0].lower() in _TRUTHS):
            return f"{option}=true"
        return None

    def _is_switch(self, option: str) -> bool:
        action = self._option_string_actions.get(option)
        return getattr(action, "_typehint", None) in (bool, bool | None)

    def _takes_tuple(self, option: str) -> bool:
        action = self._option_string_actions.get(option)
        return action is not None and action.nargs is None and "tuple[" in str(getattr(action, "_typehint", ""))

    def _config(self, value: str) -> str:
        """The file that a config's name stands for; a path stays as it is."""
        if Path(value).is_file() or self.configs is None:
            return value
        shipped = {path.stem: path for path in self.configs.glob("*.yaml")}
        if (name := value.removesuffix(".yaml")) in shipped:
            return str(shipped[name])
        raise UsageError(
            f"--config {value}: there is no such file, nor a config of that name; expected the path of a YAML file, or "
            f"one of {', '.join(sorted(shipped))}."
        )

    def _explain(self, error: Exception) -> str:
        """What is wrong with the arguments, in one line."""
        message = " ".join(str(error).split())
        if message.startswith("unrecognized arguments: "):
            return self._explain_unknown(message.removeprefix("unrecognized arguments: ").split()[0])
        if message.startswith("the following arguments are required: "):
            names = message.removeprefix("the following arguments are required: ").split(", ")
            return f"missing: {', '.join(self._shown(name) for name in names)}."
        if found := re.match(r'Parser key "([^"]+)": ?(.*)', message):
            return self._explain_value(found[1], found[2])
        return message

    def _explain_unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one argument too many."
        name = word.partition("=")[0].replace("_", "-")
        shown = [known.replace("_", "-") for known in self._option_string_actions if known.startswith("--")]
        near = difflib.get_close_matches(name, shown, n=1)
        return f"there is no option {name}{f'; did you mean {near[0]}?' if near else '.'}"

    def _explain_value(self, key: str, reason: str) -> str:
        """A value that an option does not take; jsonargparse tells it in many lines, with the names of classes."""
        value = re.search(r"(?:Got value|Given value): ?(.*)$", reason)
        wanted = re.search(r"Subtypes: \[(.*?)\] Errors:", reason) or re.search(r"Expected an? (.*?)\. Got", reason)
        if value is None or wanted is None:
            return f"{self._shown(key)}: {reason}"
        plain = re.sub(r"<class '([\w.]+)'>", r"\1", wanted[1]).replace("typing.", "").replace("NoneType", "null")
        return f"{self._shown(key)} {value[1]}: expected {plain.replace(', null', ' or null')}."

    def _shown(self, key: str) -> str:
        """An argument's name as one types it."""
        return f"--{key.replace('_', '-')}" if self._known(f"--{key}") in self._option_string_actions else key
