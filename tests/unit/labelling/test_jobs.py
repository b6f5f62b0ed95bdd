"""Every video gets a label file of its own, where its user would look for it."""

from pathlib import Path

import pytest

from env.errors import GhostkeysError
from labelling.jobs import VideoJob, plan_jobs


@pytest.fixture
def night(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.MKV", "notes.txt", ".hidden.mp4", "deep/a.mp4", "deep/deeper/c.webm"):
        path = tmp_path / "night" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "night"


def places(jobs: list[VideoJob], output: Path) -> list[str]:
    return [str(job.labels.relative_to(output)) for job in jobs]


def test_a_folder_stands_for_the_videos_in_it(night: Path, tmp_path: Path) -> None:
    jobs = plan_jobs([night], tmp_path / "out")
    assert places(jobs, tmp_path / "out") == ["a.labels.parquet", "b.labels.parquet"]


def test_a_tree_of_folders_is_laid_out_alike(night: Path, tmp_path: Path) -> None:
    jobs = plan_jobs([night], tmp_path / "out", recursive=True)
    assert places(jobs, tmp_path / "out") == [
        "a.labels.parquet",
        "b.labels.parquet",
        "deep/a.labels.parquet",
        "deep/deeper/c.labels.parquet",
    ]


def test_a_pattern_is_laid_out_from_its_first_wildcard(night: Path, tmp_path: Path) -> None:
    jobs = plan_jobs([f"{night}/**/*.mp4"], tmp_path / "out")
    assert places(jobs, tmp_path / "out") == ["a.labels.parquet", "deep/a.labels.parquet"]


def test_a_video_named_twice_is_labelled_once(night: Path, tmp_path: Path) -> None:
    assert len(plan_jobs([night, night / "a.mp4", night / "deep" / ".." / "a.mp4"], tmp_path / "out")) == 2


def test_two_videos_never_share_a_label_file(night: Path, tmp_path: Path) -> None:
    with pytest.raises(GhostkeysError, match=r"a\.mp4 and .*deep/a\.mp4 would both be labelled in .*--recursive"):
        plan_jobs([night / "a.mp4", night / "deep" / "a.mp4"], tmp_path / "out")
    (night / "a.mkv").touch()
    with pytest.raises(GhostkeysError, match=r"a\.mkv and .*a\.mp4 would both"):
        plan_jobs([night], tmp_path / "out")


def test_a_folder_without_videos_is_refused_with_a_hint(night: Path, tmp_path: Path) -> None:
    (tmp_path / "year").mkdir()
    night.rename(tmp_path / "year" / "night")
    with pytest.raises(GhostkeysError, match=r"holds no video .* 4 are in folders below it: add --recursive"):
        plan_jobs([tmp_path / "year"], tmp_path / "out")


def test_a_pattern_without_matches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GhostkeysError, match=r"\*\.mp4 matches no file"):
        plan_jobs([tmp_path / "*.mp4"], tmp_path / "out")


def test_a_missing_file_is_kept_so_that_it_is_listed(tmp_path: Path) -> None:
    assert [job.video for job in plan_jobs([tmp_path / "gone.mp4"], tmp_path / "out")] == [tmp_path / "gone.mp4"]
