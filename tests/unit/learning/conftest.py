"""What several tests of the training layer share."""

from pathlib import Path

import pytest

from tests.unit.idm.clips import write_recordings


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("recordings"), 3)
