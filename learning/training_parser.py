"""The arguments of a training command: `--help` shows ours, `--help-all` Lightning's as well."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from lightning.pytorch.cli import LightningArgumentParser

from env.command_line import CommandParser

SHOWN_OF_TRAINER = {
    "trainer.max_steps": "Steps to train.",
    "trainer.accelerator": "cpu, gpu (or cuda), mps, or auto: a GPU if there is one.",
    "trainer.devices": "How many GPUs.",
    "trainer.precision": "Such as 32-true, or bf16-mixed; auto takes what is faster here.",
    "trainer.val_check_interval": "Steps between scores on the recordings held out.",
}
"""The trainer's options in the short help."""
FIRST = ("config", "output", "resume", "init_from")
"""Arguments that the help begins with."""
MORE = "--help-all lists the other options: the network's own and all of Lightning's trainer."


class TrainingParser(CommandParser, LightningArgumentParser):
    """LightningCLI's parser with a short help; `network` is the prefix of the options that describe the network."""

    network = ""
    needs = "--data.root FOLDER --output FOLDER"
    """What the usage begins with."""
    first: tuple[str, ...] = FIRST

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._all = False

    def format_help(self, formatter: Any = None) -> str:
        """Ours first; Lightning's and the network's only after `--help-all`."""
        self.usage = f"{self.prog} {self.needs} [--config NAME] [OPTIONS]"
        with self._hidden(), self._ordered():
            text = super().format_help(formatter)
        return text if self._all else f"{text}\n{MORE}\n"

    @contextmanager
    def _ordered(self) -> Iterator[None]:
        """Puts our groups before the trainer's, and in the first group what a run needs before the rest."""
        shown, general = cast("list[Any]", self._action_groups), self._optionals._group_actions
        groups, actions = list(shown), list(general)
        shown.sort(key=lambda group: _is_lightning(group))
        general.sort(key=lambda action: self.first.index(action.dest) if action.dest in self.first else len(self.first))
        try:
            yield
        finally:
            shown[:] = groups
            general[:] = actions

    @contextmanager
    def _hidden(self) -> Iterator[None]:
        """In the short help, hides what is special, and says the trainer's options shortly."""
        helps = [(action, action.help) for action in self._actions]
        groups = cast("list[Any]", self._action_groups)
        links = [] if self._all else [group for group in groups if group.title == "Linked arguments"]
        try:
            for action, text in [] if self._all else helps:
                action.help = argparse.SUPPRESS if self._is_special(action) else SHOWN_OF_TRAINER.get(action.dest, text)
            for group in links:
                groups.remove(group)
            yield
        finally:
            for action, text in helps:
                action.help = text
            groups += links

    def _is_special(self, action: argparse.Action) -> bool:
        """Whether an argument is for `--help-all` alone."""
        names = [name.removeprefix("--") for name in action.option_strings]
        if any(name.endswith(".help") for name in names) or action.dest in ("seed_everything", "model", "data"):
            return True
        if action.dest.startswith("trainer"):
            return action.dest not in SHOWN_OF_TRAINER
        return action.dest.startswith(("optimizer", "lr_scheduler")) or (
            bool(self.network) and (action.dest == self.network or action.dest.startswith(f"{self.network}."))
        )


class HelpAll(argparse._HelpAction):
    """`--help-all`: shows all options, Lightning's too."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Prints them, and ends the program."""
        assert isinstance(parser, TrainingParser)
        parser._all = True
        parser.print_help()
        parser.exit()


def _is_lightning(group: argparse._ArgumentGroup) -> bool:
    return any(action.dest.startswith(("trainer", "optimizer", "lr_scheduler")) for action in group._group_actions)
