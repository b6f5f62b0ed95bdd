"""The grammar of commands: dashes and underscores, tuples, configs by name, and one line for what is wrong."""

from pathlib import Path
from typing import Any, Literal

import pytest

from env.command_line import CommandParser, run_command
from env.errors import UsageError


def command(
    agent: str,
    max_ticks: int | None = None,
    size: tuple[int, int] | Literal["vpt"] | None = None,
    rate: float = 1.0,
    json: Path | None = None,
    env_options: dict[str, Any] | None = None,
) -> tuple[Any, ...]:
    """Plays.

    Args:
        agent: Who plays.
        max_ticks: How long.
        size: Of the picture.
        rate: Of something.
        json: A file.
        env_options: By name.
    """
    return agent, max_ticks, size, rate, json, env_options


def run(*args: str) -> Any:
    return run_command(command, ["--agent", "me", *args], program="ghostkeys play")


@pytest.mark.parametrize("words", [["--max-ticks", "5"], ["--max_ticks", "5"], ["--max-ticks=5"], ["--max_ticks=5"]])
def test_dashes_and_underscores_are_the_same(words: list[str]) -> None:
    assert run(*words)[1] == 5


@pytest.mark.parametrize("words", [["--size", "180", "320"], ["--size", "[180,320]"], ["--size=[180, 320]"]])
def test_a_tuple_is_two_numbers(words: list[str]) -> None:
    assert run(*words, "--max-ticks", "7")[:3] == ("me", 7, (180, 320))
    assert run("--size", "vpt")[2] == "vpt"


@pytest.mark.parametrize(
    "words",
    [
        ["--env-options.step-deadline", "5", "--env-options.spec", "Find"],
        ["--env_options.step_deadline=5", "--env-options.spec=Find"],
        ["--env-options", '{"step_deadline": 5, "spec": "Find"}'],
    ],
)
def test_a_dict_is_given_by_its_keys_or_whole(words: list[str]) -> None:
    assert run(*words)[5] == {"step_deadline": 5, "spec": "Find"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mirror"], (True, False)),
        (["--no-mirror", "--compiled"], (False, True)),
        (["--mirror", "false", "--compiled", "true"], (False, True)),
        (["--mirror=true", "--no-compiled"], (True, False)),
        (["--mirror", "null"], (None, False)),
        ([], (None, False)),
    ],
)
def test_what_is_true_or_false_is_switched_on_and_off(words: list[str], expected: tuple[Any, ...]) -> None:
    def switches(mirror: bool | None = None, compiled: bool = False, rate: float = 1.0) -> tuple[Any, ...]:
        return mirror, compiled

    assert run_command(switches, words, program="ghostkeys label") == expected
    with pytest.raises(UsageError, match="there is no option --no-rate"):
        run_command(switches, ["--no-rate"], program="ghostkeys label")


def test_negative_numbers_are_values() -> None:
    assert run("--size", "-1", "16", "--max-ticks", "-3", "--rate", "-0.5")[1:4] == (-3, (-1, 16), -0.5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--max-tiks", "5"], "there is no option --max-tiks; did you mean --max-ticks?"),
        (["--max_tiks=5"], "there is no option --max-tiks; did you mean --max-ticks?"),
        (["--colour", "5"], "there is no option --colour."),
        (["--max-ticks", "many"], "--max-ticks many: expected int or null."),
        (["--size", "180"], "--size 180: expected tuple[int, int], Literal['vpt'] or null."),
        (["--size", "1", "2", "3"], "--size [1, 2, 3]: expected tuple[int, int], Literal['vpt'] or null."),
        (["--rate", "fast"], "--rate fast: expected float."),
        (["more"], "'more' is one argument too many."),
        (["--config", "none.yaml"], "none.yaml"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as wrong:
        run(*words)
    assert told in str(wrong.value)
    assert "\n" not in str(wrong.value)
    assert "`ghostkeys play --help` lists the options" in str(wrong.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match=r"missing: --agent\."):
        run_command(command, [], program="ghostkeys play")
    with pytest.raises(UsageError, match=r"missing: agent\."):
        run_command(command, [], program="ghostkeys play", positional=True)


def test_the_help_has_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run("--help")
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert "--max-ticks" in shown
    assert "--max_ticks" not in shown


def test_configs_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of that name comes first; a path stays one."""
    monkeypatch.chdir(tmp_path)
    shipped = tmp_path / "configs"
    shipped.mkdir()
    (shipped / "tiny.yaml").write_text("rate: 2.0\n")
    (tmp_path / "own.yaml").write_text("rate: 3.0\n")

    def rate(*words: str) -> float:
        parser = CommandParser(prog="ghostkeys play")
        parser.configs = shipped
        parser.add_argument("-c", "--config", action="config")
        parser.add_argument("--rate", type=float, default=1.0)
        return float(parser.parse_args(list(words)).rate)

    assert rate() == 1.0
    assert rate("--config", "tiny") == rate("--config=tiny") == rate("-c", "tiny") == 2.0
    assert rate("--config", "tiny.yaml") == 2.0
    assert rate("--config", "own.yaml") == rate("--config", str(tmp_path / "own.yaml")) == 3.0
    assert rate("--config", "tiny", "--config", "own.yaml", "--rate", "4") == 4.0
    with pytest.raises(UsageError, match="nor a config of that name; expected the path of a YAML file, or one of tiny"):
        rate("--config", "large")
