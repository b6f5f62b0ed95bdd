"""`import ghostkeys`: the documented names, without anything heavy, and modules of the same names as our packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ghostkeys

ROOT = Path(__file__).parents[2]
COMMAND = "import sys; from ghostkeys import main; sys.exit(main(['data', 'check', 'nothing']))"


def python(*args: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Runs Python in a folder, which comes first in the search for modules, as for a user's own script."""
    path = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, env={**os.environ, **path}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ghostkeys.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(ghostkeys, name) is not None
    assert name in dir(ghostkeys)


def test_the_names_are_those_of_the_packages() -> None:
    import agents
    import env
    import generator
    import idm
    import labelling

    assert ghostkeys.Recording is env.Recording
    assert ghostkeys.BUTTONS is env.BUTTONS
    assert (ghostkeys.load_idm, ghostkeys.load_policy) == (idm.load, agents.load)
    assert ghostkeys.load_generator is generator.load
    assert ghostkeys.label_videos is labelling.label_videos
    assert ghostkeys.evaluate is agents.evaluate


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Recordng'"):
        ghostkeys.Recordng  # noqa: B018


def test_importing_is_light() -> None:
    code = "import sys, ghostkeys; sys.exit(not {'torch', 'numba', 'gymnasium'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("file", ["env.py", "agents.py", "agents/__init__.py", "idm.py", "generator.py"])
@pytest.mark.parametrize("start", [["-c", COMMAND], ["-m", "ghostkeys", "label", "a.mp4"]], ids=["script", "module"])
def test_a_file_in_the_way_of_a_package_is_named(tmp_path: Path, file: str, start: list[str]) -> None:
    obstacle = tmp_path / file
    obstacle.parent.mkdir(exist_ok=True)
    obstacle.write_text("VALUE = 1\n")
    done = python(*start, cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    package = Path(file).parts[0].removesuffix(".py")
    assert line.startswith(f"ghostkeys: error: {obstacle} is in the way of the package {package!r}")
    assert "rename it" in line


def test_the_import_says_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "env.py").write_text("VALUE = 1\n")
    done = python("-c", "import env, ghostkeys; ghostkeys.Recording", cwd=tmp_path)
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {tmp_path / 'env.py'} is in the way of")


def test_a_virtual_environment_called_env_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    assert python("-c", "import ghostkeys; ghostkeys.Recording", cwd=tmp_path).returncode == 0


def test_an_installed_package_that_another_distribution_has_overwritten_is_named(tmp_path: Path) -> None:
    """As openai-agents does with `agents`: pip says nothing. The wheel's list knows the file's fingerprint."""
    for name in ("env", "learning", "idm", "labelling", "agents", "generator"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "ghostkeys.py").write_bytes((ROOT / "ghostkeys.py").read_bytes())
    information = tmp_path / "ghostkeys-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: ghostkeys\nVersion: 0.1.0\n")
    empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0"
    (information / "RECORD").write_text(f"env/__init__.py,{empty}\nagents/__init__.py,{empty}\n")
    code = "import sys; sys.path.insert(0, '.'); import ghostkeys; print(ghostkeys._obstacle())"
    assert python("-c", code, cwd=tmp_path).stdout == "None\n"
    (tmp_path / "agents" / "__init__.py").write_text("# openai-agents\n")
    told = python("-c", code, cwd=tmp_path).stdout
    assert told.startswith(f"{tmp_path / 'agents' / '__init__.py'} is not the file that ghostkeys installed")
