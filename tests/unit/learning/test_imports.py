"""What only infers starts without the training loop's library, which takes seconds and 180 MB in each process."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["labelling", "labelling.processes", "agents", "agents.workers", "idm", "generator"])
def test_a_process_that_infers_does_not_import_lightning(module: str) -> None:
    code = f"import sys, {module}; print('lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
