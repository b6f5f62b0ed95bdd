"""`ghostkeys label` prints and writes what it did, and its exit status says whether all went well."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from env.errors import UsageError
from labelling.commands import label

MakeVideo = Callable[..., Path]


@pytest.fixture
def run(checkpoint: Path, tmp_path: Path) -> Callable[..., int]:
    def command(*args: Path | str) -> int:
        where = ["--checkpoint", str(checkpoint), "--output", str(tmp_path / "out"), "--workers", "0"]
        return label([*map(str, args), *where])

    return command


def test_what_is_printed_is_written(
    run: Callable[..., int], make_video: MakeVideo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_video("videos/a.mp4", 30)
    make_video("videos/deep/a.mp4", 20)
    summary = tmp_path / "summary.json"
    assert run(tmp_path / "videos", "--recursive", "--fps", "native", "--json", summary) == 0
    assert "2 labelled" in capsys.readouterr().out
    figures = json.loads(summary.read_text())
    assert figures["frames"] == 50
    assert figures["videos"] == {"done": 2, "skipped": 0, "failed": 0}
    assert (tmp_path / "out" / "deep" / "a.labels.parquet").exists()


def test_a_bad_video_makes_the_exit_status_1(
    run: Callable[..., int], make_video: MakeVideo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(make_video("a.mp4", 10), tmp_path / "gone.mp4") == 1
    printed = capsys.readouterr().out
    assert "1 labelled" in printed
    assert "gone.mp4" in printed


@pytest.mark.parametrize("args", [["--fps", "fast"], ["--window"], ["--windows", "3"]])
def test_wrong_usage_is_named(run: Callable[..., int], args: list[str]) -> None:
    with pytest.raises(UsageError, match=args[0]):
        run("a.mp4", *args)
