import json
from pathlib import Path

import pytest
import yaml

from env.errors import UsageError
from idm.loader_bench import bench
from tests.unit.idm.clips import write_recordings
from tests.unit.idm.test_training import NETWORK


def test_it_measures_rate_step_and_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recordings = write_recordings(tmp_path / "recordings", 2, length=120)
    model, figures = tmp_path / "small.yaml", tmp_path / "figures.json"
    model.write_text(yaml.safe_dump({"model": {"network": NETWORK}}))
    arguments = ["--model", str(model), "--window", "16", "--rounds", "1", "--batches", "4", "--hours", "[0.003,0.01]"]
    assert bench([str(recordings), *arguments, "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert found["frames_a_second"] > 0
    assert found["ratio"] > 0
    assert [(run["hours"], run["recordings"]) for run in found["memory"]] == [(0.003, 2), (0.01, 6)]
    assert all(run["peak_mb"] > 0 for run in found["memory"])
    assert "frames a second at 32x32" in capsys.readouterr().out
    assert sorted(path.name for path in recordings.iterdir()) == [
        "noise-0.jsonl", "noise-0.mp4", "noise-1.jsonl", "noise-1.mp4",
    ]  # fmt: skip


def test_a_model_that_is_none_is_named(tmp_path: Path) -> None:
    recordings = write_recordings(tmp_path / "recordings", 1)
    with pytest.raises((SystemExit, UsageError)):
        bench([str(recordings), "--hours", "[-1]"])
