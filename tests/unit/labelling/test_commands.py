"""`ghostkeys label` prints and writes what it did, and its exit status says whether all went well."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from env.recordings.labels import label_metadata
from ghostkeys import main
from labelling import read_labels
from labelling.commands import label
from labelling.options import LabelOptions

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


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["--fps", "fast"], 2, "--fps fast: expected"),
        (["--window"], 2, "--window"),
        (["--windows", "3"], 2, "there is no option --windows; did you mean --window?"),
        (["--fps", "0"], 1, "fps is 0.0; expected"),
        (["--workers", "-1"], 1, "workers is -1; expected 0 to 1024."),
        (["--workers", "1000000"], 1, "workers is 1000000; expected 0 to 1024."),
        (["--device", "gpu0"], 1, "--device gpu0: expected auto, cpu"),
    ],
)
def test_wrong_usage_is_one_line_with_a_status(
    checkpoint: Path, make_video: MakeVideo, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    args: list[str], status: int, said: str,
) -> None:  # fmt: skip
    where = ["--checkpoint", str(checkpoint), "--output", str(tmp_path / "out")]
    assert main(["label", str(make_video("a.mp4", 5)), *where, *args]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()


def test_options_have_dashes_and_the_fields_docstrings_are_their_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        label(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for field in fields(LabelOptions):
        assert (f"--{field.name.replace('_', '-')} " in shown) == (field.name != "quality")
    assert "auto follows the time stamps, native takes each frame for a tick" in shown
    assert "--low_confidence" not in shown


@pytest.mark.parametrize("spelling", ["--low-confidence", "--low_confidence"])
def test_every_option_reaches_the_labels(
    run: Callable[..., int], make_video: MakeVideo, tmp_path: Path, spelling: str
) -> None:
    options = ["--fps", "native", "--window", "16", "--batch", "2", "--precision", "bfloat16", "--mirror"]
    assert run(make_video("a.mp4", 20), *options, spelling, "0.5") == 0
    metadata = label_metadata(read_labels(tmp_path / "out" / "a.labels.parquet"))
    assert [metadata[name] for name in ("resampling", "window", "precision", "mirror", "low_confidence")] == [
        "native", 16, "bfloat16", True, 0.5,
    ]  # fmt: skip
