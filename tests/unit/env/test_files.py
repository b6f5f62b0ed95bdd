"""Files appear whole or not at all."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from env.errors import GhostkeysError
from env.files import atomic_path, check_writable, folder_lock, remove_abandoned, sha256_of


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def write_and_fail(target: Path, error: type[BaseException]) -> None:
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "file.txt"
    target.write_text("before")
    with pytest.raises(error):
        write_and_fail(target, error)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "file.txt"):
        pass


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    with atomic_path(target) as first, atomic_path(target) as second:
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, "\udcff" * 255, ".labels.parquet" * 17, "two\nlines"])
def test_every_name_that_a_file_may_have_can_be_written(tmp_path: Path, name: str) -> None:
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]


HOLD = """
import sys
from env.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def writer_of(target: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of writing a file."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell whether a process runs")
def test_what_a_killed_process_was_writing_is_removed_and_nothing_else(tmp_path: Path) -> None:
    others = [tmp_path / name for name in ("video.mp4", ".hidden", ".x.tmp-1", f".y.tmp-{os.getpid()}-abcdef", "a.tmp")]
    for path in others:
        path.touch()
    with writer_of(tmp_path / "killed.txt") as process:
        process.kill()
    (left,) = set(tmp_path.iterdir()) - {*others}
    with writer_of(tmp_path / "running.txt") as process:
        assert remove_abandoned(tmp_path) == [left]
        assert remove_abandoned(tmp_path) == []
        process.communicate("\n")
    assert set(tmp_path.iterdir()) == {*others, tmp_path / "running.txt"}
    assert (tmp_path / "running.txt").read_text() == "half"


def test_of_another_machine_only_what_is_a_day_old_is_removed(tmp_path: Path) -> None:
    for name in ("new", "old"):
        (tmp_path / f".{name}.tmp-7-00000000-abcdef").touch()
    old = tmp_path / ".old.tmp-7-00000000-abcdef"
    os.utime(old, (0, 0))
    assert remove_abandoned(tmp_path) == [old]


def test_there_may_be_nothing_to_remove(tmp_path: Path) -> None:
    assert remove_abandoned(tmp_path / "missing") == []


def test_a_folder_that_can_be_written_to_is_made(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "deep")
    assert list((tmp_path / "new" / "deep").iterdir()) == []


@pytest.mark.parametrize("folder", ["file", "file/below", "n" * 256])
def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GhostkeysError, match="expected a folder") as caught:
        check_writable(tmp_path / folder)
    assert str(tmp_path / folder) in str(caught.value)


def test_a_lock_keeps_others_out_until_its_block_ends(tmp_path: Path) -> None:
    taken = GhostkeysError("the folder is taken.")
    with folder_lock(tmp_path / "new", ".lock", taken=taken):
        with pytest.raises(GhostkeysError, match="taken"), folder_lock(tmp_path / "new", ".lock", taken=taken):
            pass
        with folder_lock(tmp_path / "new", ".other.lock", taken=taken):
            pass
    with folder_lock(tmp_path / "new", ".lock", taken=taken):
        pass
