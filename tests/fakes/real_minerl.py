"""MineRL's real Python for tests: an interpreter of its own, with the released MineRL 0.4.4 and without its game.

    python -m tests.fakes.real_minerl FOLDER

The source archive is downloaded (70 MB) and unpacked, never built. 0.4.4 is older than the MineRL 1.0 that the bridge
is for, which no registry has: `survival_spec.py`, and some lines in two of its files, make up for the differences.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import filelock

REQUIREMENTS = (
    *("setuptools==65.5.0", "wheel==0.40.0", "gym==0.23.1", "numpy==1.23.5", "lxml>=4.9", "psutil>=5.9", "Pyro4==4.82"),
    *("coloredlogs==15.0.1", "xmltodict==0.12.0", "inflection>=0.3.1", "jinja2>=3", "dill>=0.3.1", "daemoniker==0.2.3"),
    *("opencv-python-headless==4.8.1.78", "requests>=2.20", "tqdm>=4.32", "typing-extensions>=3.7", "flaky"),
)
ARCHIVE = "minerl==0.4.4"
UNPACKED = (".py", ".json", ".j2", ".npz", ".xsd", ".xml", "size")
"""Ends of the names of files that MineRL's Python needs."""
PYTHONS = ("python3.11", "python3.10", "python3.9")
"""Pythons for which that NumPy has wheels."""
FINISHED = "finished"
NEWER_GYM = """import gym

gym.Space.shape = property(lambda space: space._shape, lambda space, shape: setattr(space, "_shape", shape))
"""
"""MineRL 0.4.4 sets a space's shape, which a newer gym only lets one read."""
NEWER_SPECS = """
from survival_spec import ENVS  # as MineRL 1.0 names its list
"""


def real_minerl(folder: Path, *, seconds: float = 600.0) -> Path | None:
    """The interpreter, made in a folder where it is not there yet; None where that fails, as it does offline.

    Each command may take `seconds`. Two callers at once make it once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "venv" / "bin" / "python"
    with filelock.FileLock(folder / "lock"):
        if not (folder / FINISHED).exists():
            try:
                _make(folder, python, seconds=seconds)
            except (OSError, subprocess.SubprocessError, tarfile.TarError) as error:
                print(f"MineRL's Python cannot be made: {error}", file=sys.stderr)
                return None
            (folder / FINISHED).touch()
        _add_spec(folder / "source")
    return python


def _make(folder: Path, python: Path, *, seconds: float) -> None:
    found = next((path for path in map(shutil.which, PYTHONS) if path is not None), None)
    if found is None:
        raise OSError(f"there is none of {', '.join(PYTHONS)}")
    shutil.rmtree(folder / "venv", ignore_errors=True)
    shutil.rmtree(folder / "source", ignore_errors=True)
    _run(found, "-m", "venv", str(folder / "venv"), seconds=seconds)
    pip = (str(python), "-m", "pip", "--quiet", "--retries", "1", "--timeout", "15")
    _run(*pip, "install", *REQUIREMENTS[:2], seconds=seconds)
    _run(*pip, "install", "--no-build-isolation", *REQUIREMENTS, seconds=seconds)
    with tempfile.TemporaryDirectory(dir=folder) as download:
        only_source = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation")
        _run(*pip, "download", *only_source, "--dest", download, ARCHIVE, seconds=seconds)
        (archive,) = Path(download).glob("*.tar.gz")
        _unpack(archive, folder / "source")
    (packages,) = (folder / "venv" / "lib").glob("python3.*/site-packages")
    (packages / "minerl.pth").write_text(f"{folder.absolute() / 'source'}\n")


def _run(*command: str, seconds: float) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command[:5])} ... ended with {done.returncode}: {done.stderr[-500:]}")


def _unpack(archive: Path, source: Path) -> None:
    """The files of MineRL's package that its Python needs, without the game.

    They are copied by hand: `tarfile` has its filters only since Python 3.11.4.
    """
    with tarfile.open(archive) as tar:
        for member in tar:
            _, _, path = member.name.partition("/")
            content = tar.extractfile(member) if member.isfile() else None
            wanted = path.startswith("minerl/") and path.endswith(UNPACKED) and "/src/" not in path
            if content is None or not wanted or ".." in Path(path).parts:
                continue
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            with content, (source / path).open("wb") as target:
                shutil.copyfileobj(content, target)
    spaces, specs = (source / "minerl" / "herobraine" / path for path in ("hero/spaces.py", "envs.py"))
    spaces.write_text(NEWER_GYM + spaces.read_text())
    specs.write_text(specs.read_text() + NEWER_SPECS)


def _add_spec(source: Path) -> None:
    shutil.copyfile(Path(__file__).with_name("survival_spec.py"), source / "survival_spec.py")


if __name__ == "__main__":
    print(real_minerl(Path(sys.argv[1])))
