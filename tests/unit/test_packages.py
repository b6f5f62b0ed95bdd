"""The packages as others see them: public names, where they are imported from, what the wheel holds."""

import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("env", "learning", "idm", "labelling", "agents", "generator")


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_come_from_this_checkout(name: str) -> None:
    """Another distribution may own a module of the same name (`agents`, for one) and shadow ours."""
    assert Path(str(import_module(name).__file__)).is_relative_to(ROOT)


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_exist_and_are_few(name: str) -> None:
    package = import_module(name)
    assert all(hasattr(package, public) for public in package.__all__)
    assert 1 <= len(package.__all__) <= 16
    assert len(set(package.__all__)) == len(package.__all__)


PROMISED = {
    "env": {"BUTTONS", "Actions", "CameraQuantizer", "JointMapping", "Recording", "read_contractor_actions"},
    "learning": {"load_checkpoint", "load_episodes", "save_checkpoint"},
    "idm": {"load", "load_openai"},
    "agents": {"load", "load_openai", "rollout", "evaluate"},
    "labelling": {"label_videos", "read_labels"},
    "generator": {"load", "VAE", "DiT", "Sampler"},
}


@pytest.mark.parametrize("name", PACKAGES)
def test_promised_names_are_public(name: str) -> None:
    assert PROMISED[name] <= set(import_module(name).__all__)


def test_the_wheel_holds_the_packages_and_nothing_else(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / done.stdout.strip().splitlines()[-1]) as wheel:
        names = wheel.namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {*PACKAGES, "ghostkeys.py"}
    assert "idm/configs/tiny.yaml" in names
    assert {f"labelling/studio/page/{name}" for name in ("index.html", "studio.css", "studio.js")} <= set(names)
