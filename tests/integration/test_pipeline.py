"""The main job from end to end, as small as it goes: every command of the demo, once, through the real command line."""

import json
from pathlib import Path

import pytest

from env import Recording
from env.video import probe
from ghostkeys import main
from labelling import read_labels

ROOT = Path(__file__).parents[2]


def ghostkeys(*words: str | Path) -> int:
    """Runs a command line; a word with spaces in it is several."""
    return main([part for word in words for part in (word.split() if isinstance(word, str) else [str(word)])])


def tiny(package: str) -> Path:
    return ROOT / package / "configs" / "tiny.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings of two players, half a minute in all."""
    folder = tmp_path_factory.mktemp("run")
    common = "record --player scripted --minutes 0.25 --episode_ticks 150 --workers 1 --size 90 160"
    assert ghostkeys(common, "--style explorer --seed 1 --output", folder / "labelled") == 0
    assert ghostkeys(common, "--style gatherer --seed 2 --output", folder / "unlabelled") == 0
    return folder


@pytest.mark.timeout(600)
def test_from_recording_to_evaluation(run: Path) -> None:
    """Each stage takes what the one before wrote."""
    idm, labels, policy, generator = (run / name for name in ("idm", "labels", "policy", "generator"))
    brief = "--trainer.accelerator cpu --trainer.max_steps"

    assert ghostkeys("idm fit --config", tiny("idm"), "--data.root", run / "labelled", "--output", idm, brief, "2") == 0
    scored = ("--data.root", run / "unlabelled", "--json", run / "idm.json")
    assert ghostkeys("idm validate --checkpoint", idm, *scored) == 0
    assert json.loads((run / "idm.json").read_text())["baselines"].keys() >= {"always_off", "repeat_last"}

    settings = ("--checkpoint", idm, "--output", labels, "--fps native --workers 1 --low-confidence 0")
    assert ghostkeys("label", run / "unlabelled", *settings) == 0
    videos = sorted((run / "unlabelled").glob("*.mp4"))
    rows = [read_labels(labels / f"{video.stem}.labels.parquet").num_rows for video in videos]
    assert rows == [len(Recording.open(video)) for video in videos]

    assert ghostkeys("agent fit --config", tiny("agents"), "--data.root", labels, "--output", policy, brief, "2") == 0
    episodes = "--env ghostkeys/Voxel-v0 --episodes 2 --seed 3 --max-ticks 20 --workers 1"
    written = ("--json", run / "played.json", "--video", run / "played.mp4")
    assert ghostkeys("evaluate --agent", policy, episodes, *written) == 0
    played = json.loads((run / "played.json").read_text())
    assert played["episodes"] == 2
    assert played["milestones"]["log"].keys() >= {"rate", "low", "high"}
    assert probe(run / "played.mp4").frames == 20

    trained = ("--data.root", labels, "--output", generator, "--vae_steps 2", brief, "4")
    assert ghostkeys("generator fit --config", tiny("generator"), *trained) == 0
    scored = ("--data.root", run / "labelled", "--json", run / "generator.json")
    assert ghostkeys("generator validate --clips 4 --pairs 2 --checkpoint", generator, *scored) == 0
    assert json.loads((run / "generator.json").read_text()).keys() >= {"psnr", "copy_psnr", "left_right_order"}
    sampled = ("--actions 5*forward --start", videos[0], "--output", run / "dream.mp4")
    assert ghostkeys("generator sample --checkpoint", generator, *sampled) == 0
    assert probe(run / "dream.mp4").frames == 5
