"""Recording in several processes."""

from pathlib import Path

import pytest

from agents.record import record
from tests.same_play import assert_same_files


@pytest.mark.timeout(600)
def test_recordings_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    for workers in (1, 2):
        record(
            tmp_path / str(workers), minutes=0.05, episode_ticks=20, size=(72, 128), style="explorer", workers=workers
        )
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("1", "2"))
    assert [path.name for path in one] == [path.name for path in two]
    assert len(one) == 7  # two files of each recording, and their settings
    for alone, beside in zip(one, two, strict=True):
        assert_same_files(alone, beside)
