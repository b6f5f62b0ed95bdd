"""Recording in several processes."""

from pathlib import Path

import pytest

from agents.record import record


@pytest.mark.timeout(600)
def test_recordings_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    """At a height that 8 divides: of others x264 reads what lies in memory behind the picture."""
    for workers in (1, 2):
        record(
            tmp_path / str(workers), minutes=0.05, episode_ticks=20, size=(72, 128), style="explorer", workers=workers
        )
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("1", "2"))
    assert len(one) == 7  # two files of each recording, and their settings
    assert one == two
