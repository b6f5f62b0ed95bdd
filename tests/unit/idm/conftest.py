"""What several tests of the inverse dynamics model share."""

from pathlib import Path

import pytest
import torch

from idm.model import InverseDynamicsModel
from tests.unit.idm.clips import TINY, write_recordings


@pytest.fixture
def model() -> InverseDynamicsModel:
    torch.manual_seed(0)
    return InverseDynamicsModel(TINY).eval()


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("recordings"), 3)
