"""The command `ghostkeys`: finding subcommands, one line for bad input, exit statuses."""

import subprocess
import sys
from pathlib import Path

import pytest

import ghostkeys
from env.errors import VideoError

ROOT = Path(__file__).parents[2]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert ghostkeys.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ghostkeys.COMMANDS)


@pytest.mark.parametrize("name", ghostkeys.COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`ghostkeys COMMAND --help` works and names the command's options."""
    with pytest.raises(SystemExit) as stop:
        ghostkeys.main([*name.split(), "--help"])
    assert stop.value.code == 0
    assert "--" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "meant"), [("lable", "label"), ("idm fti", "idm fit"), ("evalute", "evaluate"), ("idm", "idm validate")]
)
def test_a_misspelt_command_gets_a_suggestion(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ghostkeys.main(typed.split()) == 2
    shown = capsys.readouterr().err
    assert meant in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (VideoError("a.mp4 is empty; expected a video"), 1, "ghostkeys: error: a.mp4 is empty; expected a video\n"),
        (OSError(28, "No space left on device", "b.mp4"), 1, "ghostkeys: error: b.mp4: No space left on device\n"),
        (KeyboardInterrupt(), 130, "ghostkeys: stopped. Start the same command again to go on.\n"),
    ],
)
def test_errors_are_one_line(
    error: BaseException,
    status: int,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Bad input, a full disk and Ctrl-C each give one clear line and their own exit status."""

    def fail(args: list[str]) -> int:
        raise error

    monkeypatch.setattr("labelling.commands.label", fail)
    assert ghostkeys.main(["label"]) == status
    assert capsys.readouterr().err == shown


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    """`ghostkeys --help` must not load torch: subcommands are imported only when they are called."""
    code = "import sys, ghostkeys; ghostkeys.main(['--help']); sys.exit(not {'torch', 'numba'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False).returncode == 0
