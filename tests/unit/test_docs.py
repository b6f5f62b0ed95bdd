"""The documentation: its generated parts are those of the code, its commands exist, its pages are all reachable."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn

import jsonargparse
import pytest
from gymnasium import spaces

import ghostkeys
from env.actions import MINERL_KEYS, minerl_action_space
from env.recordings.check import CheckReport
from env.recordings.fetch import FetchReport
from env.recordings.keys import KEYBOARD, MOUSE_BUTTONS
from env.voxel.environment import VoxelEnv
from labelling.report import LabelReport

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def test_generated_parts_are_up_to_date() -> None:
    """Options, defaults, spaces, rewards, columns and public names on the pages are those of the code."""
    done = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_option_of_every_command_is_described() -> None:
    """Each option that a parser takes has a row; Lightning's own are left to Lightning's pages."""
    commands = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    configuration = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")
    found = 0
    for name in ghostkeys.COMMANDS:
        described = _section(commands, f"ghostkeys {name}")
        trains = "idm fit" if name == "idm curve" else name  # takes the same settings
        settings = _section(configuration, trains) if trains.endswith(" fit") else ""
        for option in _options(name):
            level, _, field = option.partition(".")
            if level in ("model", "data") and settings:
                level, _, field = option.rpartition(".")
                tables = dict(re.findall(r"^`([\w.]+)`:\n\n((?:\|.*\n)+)", settings, re.MULTILINE))
                assert f"| `{field}` |" in tables[level], option
            elif level not in ("trainer", "optimizer", "lr_scheduler"):
                shown = option if "." in option else option.replace("_", "-")
                assert f"| `--{shown}` |" in described, (name, option)
            else:
                continue
            found += 1
    assert found > 100


class _ParsedError(BaseException):
    """Carries a parser, or its result, out of a command that would go on to work."""

    def __init__(self, parser: jsonargparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def _dry_run(command: str, args: list[str], monkeypatch: pytest.MonkeyPatch) -> jsonargparse.ArgumentParser:
    """Lets a command parse its arguments, and stops it there."""
    parse = jsonargparse.ArgumentParser.parse_args

    def only_parse(parser: jsonargparse.ArgumentParser, *given: Any, **how: Any) -> NoReturn:
        if args:
            parse(parser, *given, **how)
        raise _ParsedError(parser)

    monkeypatch.setattr(jsonargparse.ArgumentParser, "parse_args", only_parse)
    monkeypatch.chdir(ROOT)
    with pytest.raises(_ParsedError) as parsed:
        ghostkeys.main([*command.split(), *args])
    return parsed.value.parser


def _options(command: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        parser = _dry_run(command, [], patch)
    for action in parser._actions:
        takes = type(action).__name__ not in ("ActionLink", "_ActionConfigLoad", "_ActionHelpClassPath")
        if takes and action.help != "==SUPPRESS==" and action.dest not in ("help", "help_all", "print_shtab"):
            yield from [action.option_strings[-1].removeprefix("--")] if action.option_strings else []


def _section(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _commands() -> Iterator[tuple[str, str]]:
    """Each `ghostkeys …` in a page's bash blocks, with the page's name."""
    for page in PAGES:
        for block in re.findall(r"^```bash\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").replace("srun ghostkeys", "ghostkeys").splitlines():
                if line.startswith("ghostkeys "):
                    yield str(page.relative_to(ROOT)), line


@pytest.mark.parametrize(("page", "line"), sorted(set(_commands())))
def test_commands_on_the_pages_are_accepted(page: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command that a reader is told to type is one that its parser takes."""
    words = shlex.split(line, comments=True)[1:]
    if words[0] in ("--help", "--version"):
        assert ghostkeys.main(words) == 0
        return
    name, args = ghostkeys._split(words)
    assert name in ghostkeys.COMMANDS, page
    _dry_run(name, _with_files(name, args), monkeypatch)


def _with_files(command: str, args: list[str]) -> list[str]:
    """The arguments with the file that a configuration's name stands for; a reader's own file becomes a shipped one."""
    folder = {"idm": "idm", "agent": "agents", "generator": "generator"}.get(command.split()[0], "")
    args = list(args)
    for place, word in enumerate(args[:-1]):
        if word == "--config":
            name = "tiny" if args[place + 1] == "mine.yaml" else Path(args[place + 1]).stem
            args[place + 1] = f"{folder}/configs/{name}.yaml"
            assert (ROOT / args[place + 1]).is_file()
    return args


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_on_the_pages_is_python(page: Path) -> None:
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    ):
        compile(block, f"{page.name}, block {number}", "exec")


def test_every_page_is_in_the_navigation() -> None:
    """And every entry of the navigation is a page, which the strict build does not check."""
    nav = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]

    def pages(entries: list[dict[str, Any]]) -> Iterator[str]:
        for entry in entries:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else pages(value)

    listed = list(pages(nav))
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def test_links_in_the_readme_lead_somewhere() -> None:
    """The strict build checks the links between the pages, but not those of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert len(links) > 10
    for link in links:
        path, _, anchor = link.partition("#")
        assert (ROOT / path).is_file(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, link


def test_pictures_have_a_text_in_their_place() -> None:
    for page in PAGES:
        for text in re.findall(r"!\[([^\]]*)\]\(", page.read_text(encoding="utf-8")):
            assert len(text) > 20, page


# The page on the embedded world, beside the code.

ENVIRONMENT = (DOCS / "environment.md").read_text(encoding="utf-8")


def test_the_page_lists_every_key_of_the_action_space() -> None:
    rows = _rows("Action space")
    space = minerl_action_space()
    assert [row[0] for row in rows] == [f"`{name}`" for name in MINERL_KEYS]
    for (_, _, shown, recorded), name in zip(rows, MINERL_KEYS, strict=True):
        part = space[name]
        assert shown == (f"`Discrete({part.n})`" if isinstance(part, spaces.Discrete) else f"`{part}`")
        if name in KEYBOARD:
            assert recorded == f"`{KEYBOARD[name]}`"
        elif name in MOUSE_BUTTONS:
            assert recorded == f"mouse button {MOUSE_BUTTONS[name]}"


def test_the_page_lists_every_argument_with_its_default() -> None:
    parameters = signature(VoxelEnv).parameters
    shown = {row[0].strip("`"): row[2].strip("`") for row in _rows("Arguments")}
    assert shown == {name: repr(each.default).replace("'", '"') for name, each in parameters.items()}


def test_the_page_lists_every_option_of_reset() -> None:
    with pytest.raises(ValueError, match=r"expected (some|one) of ") as told:
        VoxelEnv(size=(8, 8)).reset(options={"nonsense": 1})
    expected = str(told.value).partition(" of ")[2].rstrip(".").split(", ")
    assert [row[0].strip("`") for row in _rows("Starting state")] == expected


def _rows(heading: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in _section(ENVIRONMENT, heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.mark.parametrize(
    ("heading", "report"),
    [
        ("`data check`", CheckReport(()).as_dict()),
        ("`data fetch`", FetchReport().as_dict()),
        ("`label`", LabelReport([], 1.0).as_dict()),
    ],
)
def test_every_key_of_a_report_is_described(heading: str, report: dict[str, Any]) -> None:
    formats = (DOCS / "formats.md").read_text(encoding="utf-8")
    section = formats.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    assert [key for key in report if f"`{key}`" not in section] == []
