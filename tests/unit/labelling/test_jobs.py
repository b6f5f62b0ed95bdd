"""Every video gets a label file of its own, where its user would look for it."""

from pathlib import Path

import pytest

from env.errors import GhostkeysError
from env.video.files import VIDEO_SUFFIXES
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


@pytest.mark.parametrize("folder", ["dir [best]", "what?", "*star*", "[a]/[b]"])
def test_a_folder_that_exists_is_no_wildcard(tmp_path: Path, folder: str) -> None:
    """`dir [best]` as a pattern would match `dir b`, which must not be labelled in its place."""
    for name in (f"{folder}/x.mp4", f"{folder}/deep/y.mp4", "dir b/z.mp4", "whatx/z.mp4", "a/b/z.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    jobs = plan_jobs([f"{tmp_path}/{folder}/*.mp4"], tmp_path / "out")
    assert [(job.video, job.labels) for job in jobs] == [
        (tmp_path / folder / "x.mp4", tmp_path / "out" / "x.labels.parquet")
    ]
    jobs = plan_jobs([f"{tmp_path}/{folder}/**/*.mp4"], tmp_path / "out")
    assert places(jobs, tmp_path / "out") == ["deep/y.labels.parquet", "x.labels.parquet"]
    jobs = plan_jobs([tmp_path / folder], tmp_path / "out", recursive=True)
    assert places(jobs, tmp_path / "out") == ["deep/y.labels.parquet", "x.labels.parquet"]


def test_a_file_that_exists_is_no_pattern(tmp_path: Path) -> None:
    for name in ("clip[1].mp4", "clip1.mp4"):
        (tmp_path / name).touch()
    assert [job.video for job in plan_jobs([tmp_path / "clip[1].mp4"], tmp_path)] == [tmp_path / "clip[1].mp4"]
    (tmp_path / "clip[1].mp4").unlink()
    assert [job.video for job in plan_jobs([tmp_path / "clip[1].mp4"], tmp_path)] == [tmp_path / "clip1.mp4"]


def test_a_missing_file_with_brackets_in_its_name_is_kept_too(tmp_path: Path) -> None:
    gone = tmp_path / "play [1080p].mp4"
    assert [job.video for job in plan_jobs([gone], tmp_path / "out")] == [gone]


def test_what_is_no_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GhostkeysError, match="no pattern"):
        plan_jobs([tmp_path / "a**b" / "*.mp4"], tmp_path / "out")


def test_a_folder_named_as_a_video_is_none_and_a_link_to_nothing_is_listed(night: Path, tmp_path: Path) -> None:
    (night / "folder.mp4").mkdir()
    (night / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    assert places(plan_jobs([night], tmp_path), tmp_path) == [
        "a.labels.parquet", "b.labels.parquet", "gone.labels.parquet",
    ]  # fmt: skip


def test_names_that_nothing_can_have_are_kept_so_that_they_are_listed(tmp_path: Path) -> None:
    names = [tmp_path / ("x" * 300), tmp_path / "a.mp4" / "b.mp4", tmp_path / "nul\0.mp4"]
    (tmp_path / "a.mp4").touch()
    assert [job.video for job in plan_jobs(names, tmp_path / "out")] == names


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_every_kind_of_video_is_found_in_a_folder_and_by_its_labels(tmp_path: Path, suffix: str) -> None:
    for name in (f"a{suffix}", f"b{suffix.upper()}"):
        (tmp_path / "videos" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "videos" / name).touch()
    assert places(plan_jobs([tmp_path / "videos"], tmp_path), tmp_path) == ["a.labels.parquet", "b.labels.parquet"]


def test_a_name_too_long_for_a_label_file_is_cut_and_stays_its_own(tmp_path: Path) -> None:
    names = ["n" * 240, "n" * 241, "n" * 251, "n" * 250 + "m", "ü" * 125, "ü" * 124 + "u"]
    jobs = plan_jobs([tmp_path / f"{name}.mp4" for name in names], tmp_path)
    assert jobs[0].labels.name == "n" * 240 + ".labels.parquet"
    for job in jobs:
        job.labels.touch()
        assert job.labels.name.endswith(".labels.parquet")
    assert len({job.labels for job in jobs}) == len(names)
