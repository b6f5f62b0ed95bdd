"""The command `ghostkeys`: finding subcommands, one line for bad input, exit statuses."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ghostkeys
from env.errors import UsageError, VideoError
from env.waiting import Terminated

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
    ("typed", "meant"),
    [
        ("lable", "Did you mean: label?"),
        ("idm fti", "Did you mean: idm fit?"),
        ("idm bogus", "Did you mean: idm fit, idm curve, idm validate, idm predict?"),
        ("evalute", "Did you mean: evaluate?"),
        ("agnet fit", "Did you mean: agent fit?"),
        ("idm", "'idm' is a group of commands: give one of idm fit, idm curve, idm validate, idm predict."),
        ("generator --steps 4", "'generator' is a group of commands"),
        ("qwerty", "`ghostkeys --help` lists the commands."),
    ],
)
def test_a_misspelt_command_gets_a_suggestion(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ghostkeys.main(typed.split()) == 2
    shown = capsys.readouterr().err
    assert meant in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("group", sorted({name.split()[0] for name in ghostkeys.COMMANDS if " " in name} - {"record"}))
def test_the_help_of_a_group_lists_its_commands(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ghostkeys.main([group, "--help"]) == 0
    shown = capsys.readouterr().out
    listed = {name for name in ghostkeys.COMMANDS if f"  {name} " in shown}
    assert listed == {name for name in ghostkeys.COMMANDS if name.startswith(f"{group} ")}


@pytest.mark.parametrize("name", ghostkeys.COMMANDS)
def test_a_misspelt_option_is_one_line_of_the_same_form(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever parser the command has."""
    assert ghostkeys.main([*name.split(), "--no-such-option", "1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ghostkeys: error: ")
    assert f"`ghostkeys {name} --help`" in line


WITH_DEVICE = {
    "label": "label {video} --checkpoint {model} --output {out}",
    "idm predict": "idm predict {video} --checkpoint {model}",
    "idm validate": "idm validate --checkpoint {model} --data.root {out}",
    "evaluate": "evaluate --agent {model}",
    "generator sample": "generator sample --checkpoint {model} --start {video} --actions 3*forward --output {out}",
    "generator validate": "generator validate --checkpoint {model} --data.root {out}",
    "bench idm": "bench idm",
    "bench policy": "bench policy",
}


@pytest.mark.parametrize("device", ["cuda:99", "gpu0"])
@pytest.mark.parametrize("line", WITH_DEVICE.values(), ids=WITH_DEVICE)
def test_a_device_that_is_not_there_is_one_line(
    line: str, device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In every command that chooses one, before any work."""
    words = line.format(video=tmp_path / "a.mp4", model=tmp_path / "model", out=tmp_path / "out").split()
    assert ghostkeys.main([*words, "--device", device]) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"ghostkeys: error: --device {device}: ")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("data check . --workers 0", "--workers 0: expected 1 or more."),
        ("data check . --workers -1", "--workers -1: expected 1 or more."),
        ("bench env --ticks 0", "--ticks 0: expected 1 or more."),
        ("env check --env ghostkeys/Voxel-v0 --steps 0", "--steps 0: expected 1 or more."),
        ("env check --env ghostkeys/Voxel-v9", "--env ghostkeys/Voxel-v9: there is no such environment."),
        ("bench idm --threads 0", "--threads 0: expected 1 or more."),
        ("bench policy --envs 0", "--envs 0: expected 1 or more."),
        ("generator validate --checkpoint x --data.root . --clips 0", "--clips 0: expected 1 or more."),
        ("generator validate --checkpoint x --data.root . --seed -1", "--seed -1: expected 0 to"),
        ("record --output x --player robot", "--player robot"),
    ],
)
def test_numbers_out_of_range_are_one_line(line: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ghostkeys.main(line.split()) in (1, 2)
    (shown,) = capsys.readouterr().err.splitlines()
    assert shown.startswith(f"ghostkeys: error: {told}")


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (VideoError("a.mp4 is empty; expected a video"), 1, "ghostkeys: error: a.mp4 is empty; expected a video\n"),
        (OSError(28, "No space left on device", "b.mp4"), 1, "ghostkeys: error: b.mp4: No space left on device\n"),
        (UsageError("--fps x: expected a number"), 2, "ghostkeys: error: --fps x: expected a number\n"),
        (VideoError("a  b.mp4 is\nempty"), 1, r"ghostkeys: error: a  b.mp4 is\nempty" + "\n"),
        (KeyboardInterrupt(), 130, "ghostkeys: stopped. Start the same command again to go on.\n"),
        (Terminated(), 143, "ghostkeys: stopped. Start the same command again to go on.\n"),
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


def test_sigterm_unwinds_as_ctrl_c_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command has begun is cleaned up, and the handler of before is back."""
    cleaned = []

    def terminated(args: list[str]) -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            cleaned.append(True)
        return 0

    monkeypatch.setattr("labelling.commands.label", terminated)
    assert ghostkeys.main(["label"]) == 143
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    """`ghostkeys --help` must not load torch: subcommands are imported only when they are called."""
    code = "import sys, ghostkeys; ghostkeys.main(['--help']); sys.exit(not {'torch', 'numba'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False).returncode == 0
