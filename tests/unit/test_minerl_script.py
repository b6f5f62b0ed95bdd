"""`bash scripts/minerl.sh` says all that is missing at once, before anything is fetched; its pins are those tested."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.real_minerl import REQUIREMENTS

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "dirname", "uname", "awk", "cat", "cksum", "grep", "head", "sed", "tail")
JAVA_8 = "echo 'openjdk version \"1.8.0_402\"' >&2"
GOOD = {
    "java": JAVA_8,
    "javac": "echo 'javac 1.8.0_402'",
    "git": "",
    "patch": "",
    "python3.11": "",
    "xvfb-run": "",
    "df": "echo Filesystem; echo '/dev/sda 90000000 30000000 60000000 34% /'",
}
"""Programs of a machine on which nothing is missing, as shell scripts."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a bash script for Linux and macOS")


class Machine:
    """A PATH with a few programs, each of which notes that it was called."""

    def __init__(self, folder: Path, programs: dict[str, str]) -> None:
        self._path, self._calls = folder / "bin", folder / "calls"
        self._path.mkdir()
        self._calls.touch()
        for name in TOOLS:
            found = shutil.which(name)
            assert found is not None
            (self._path / name).symlink_to(found)
        for name, body in programs.items():
            script = self._path / name
            script.write_text(f'#!{shutil.which("sh")}\necho "{name} $*" >> {self._calls}\n{body}\n')
            script.chmod(0o755)

    def run(self, *args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs the script there."""
        surroundings = {"PATH": str(self._path), "HOME": str(self._path), **variables}
        command = [str(self._path / "bash"), str(ROOT / "scripts" / "minerl.sh"), *args]
        return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=60)

    def calls(self, program: str) -> list[str]:
        """What a program was called with."""
        return [line for line in self._calls.read_text().splitlines() if line.split()[0] == program]


def without(*names: str, **others: str) -> dict[str, str]:
    return {name: body for name, body in {**GOOD, **others}.items() if name not in names}


def test_nothing_is_missing(tmp_path: Path) -> None:
    done = Machine(tmp_path, GOOD).run("--check")
    assert (done.returncode, done.stdout) == (0, "minerl: nothing is missing on this machine\n")
    assert done.stderr == ""


def test_all_that_is_missing_is_told_at_once_and_nothing_is_fetched(tmp_path: Path) -> None:
    """Also without `--check`: git, which would fetch, is there and is not called."""
    machine = Machine(tmp_path, {"df": "echo Filesystem; echo '/dev/sda 9 9 2000000 99% /'", "git": ""})
    for args in ((), ("--check",)):
        done = machine.run(*args)
        assert done.returncode == 1
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert lines[0] == "minerl: missing on this machine:"
        wanted = (
            "a display",
            "JDK 8: there is no `java`",
            "JDK 8: there is no `javac`",
            "patch",
            "a Python 3.8",
            "disk: 2 GB",
        )
        for problem in wanted:
            assert sum(line.startswith(f"  {problem}") for line in lines) >= 1, problem
        apt = "On Ubuntu: sudo apt-get install xvfb openjdk-8-jdk patch python3.11 python3.11-venv"
        assert apt in lines
    assert machine.calls("git") == []


@pytest.mark.parametrize(
    ("programs", "told"),
    [
        (without("xvfb-run"), "a display: DISPLAY is empty"),
        (without("git"), "git: "),
        (without("patch"), "patch: "),
        (without("python3.11"), "a Python 3.8 to 3.11"),
        (without(**{"python3.11": "exit 1"}), "a Python 3.8 to 3.11"),
        (without("javac"), "JDK 8: there is no `javac`"),
        (without(java="echo 'openjdk version \"17.0.1\"' >&2"), 'JDK 8: `java -version` says openjdk version "17.0.1"'),
        (without(df="echo Filesystem; echo '/dev/sda 9 9 7900000 99% /'"), "disk: 7 GB are free"),
    ],
)
def test_each_thing_that_is_missing_is_told(tmp_path: Path, programs: dict[str, str], told: str) -> None:
    done = Machine(tmp_path, programs).run("--check")
    assert done.returncode == 1
    problems = [line for line in done.stderr.splitlines() if line.startswith("  ") and not line.startswith("  (")]
    assert all(line.startswith(f"  {told}") for line in problems)
    assert problems


def test_a_screen_needs_no_xvfb(tmp_path: Path) -> None:
    assert Machine(tmp_path, without("xvfb-run")).run("--check", DISPLAY=":0").returncode == 0


def test_java_home_comes_first(tmp_path: Path) -> None:
    """A JDK 8 beside a newer one is taken by naming it."""
    (tmp_path / "jdk").mkdir()
    Machine(tmp_path / "jdk", {name: GOOD[name] for name in ("java", "javac")})
    machine = Machine(tmp_path, without(java="echo 17 >&2", javac="echo 17"))
    assert machine.run("--check").returncode == 1
    assert machine.run("--check", JAVA_HOME=str(tmp_path / "jdk")).returncode == 0


def test_another_argument_is_refused(tmp_path: Path) -> None:
    done = Machine(tmp_path, GOOD).run("--chekc")
    assert (done.returncode, done.stderr) == (2, "minerl: --chekc: expected nothing, or --check\n")


def test_what_is_installed_is_what_the_bridge_is_tested_with() -> None:
    lines = (ROOT / "scripts" / "minerl.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == list(REQUIREMENTS)
