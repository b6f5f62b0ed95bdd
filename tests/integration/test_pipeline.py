"""The main job from end to end, as small as it goes: every command of the demo, once, through the real command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from env import Recording
from env.video.frames import probe
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
    (folder / "heldout").symlink_to(folder / "labelled")
    return folder


@pytest.mark.timeout(600)
def test_from_recording_to_report(run: Path) -> None:
    """Each stage takes what the one before wrote, and the report what all of them wrote."""
    idm, labels, policy, generator = (run / name for name in ("idm", "labels", "policy-pseudo-labels", "generator"))
    brief = "--trainer.accelerator cpu --trainer.max_steps"

    assert ghostkeys("idm fit --config", tiny("idm"), "--data.root", run / "labelled", "--output", idm, brief, "2") == 0
    assert (
        ghostkeys("idm validate --checkpoint", idm, "--data.root", run / "heldout", "--json", idm / "scores.json") == 0
    )

    settings = ("--checkpoint", idm, "--output", labels, "--fps native --workers 1 --low-confidence 0")
    assert ghostkeys("label", run / "unlabelled", *settings, "--json", run / "label.json") == 0
    videos = sorted((run / "unlabelled").glob("*.mp4"))
    rows = [read_labels(labels / f"{video.stem}.labels.parquet").num_rows for video in videos]
    assert rows == [len(Recording.open(video)) for video in videos]

    assert ghostkeys("agent fit --config", tiny("agents"), "--data.root", labels, "--output", policy, brief, "2") == 0
    episodes = "--env ghostkeys/Voxel-v0 --episodes 2 --seed 3 --max-ticks 20 --workers 1"
    result, video = run / "evaluate" / "pseudo-labels.json", run / "videos" / "pseudo-labels.mp4"
    assert ghostkeys("evaluate --agent", policy, episodes, "--json", result, "--video", video) == 0
    assert probe(video).frames == 20

    trained = ("--data.root", labels, "--output", generator, "--vae_steps 2", brief, "4")
    assert ghostkeys("generator fit --config", tiny("generator"), *trained) == 0
    scored = ("--data.root", run / "heldout", "--json", generator / "scores.json")
    assert ghostkeys("generator validate --clips 4 --pairs 2 --checkpoint", generator, *scored) == 0
    sampled = ("--actions 5*forward --start", videos[0], "--output", run / "dream.mp4")
    assert ghostkeys("generator sample --checkpoint", generator, *sampled) == 0
    assert probe(run / "dream.mp4").frames == 5

    for name in ("labelled-only", "true-actions", "random", "scripted"):  # as if they had been played, too
        shutil.copy(result, run / "evaluate" / f"{name}.json")
    for name in ("labelled-only", "true-actions"):
        (run / f"policy-{name}").symlink_to(policy)
    (run / "stages").mkdir()
    (run / "stages" / "idm.fit.seconds").write_text("3\n4\n")
    (run / "settings").write_text("quick-1\n")
    subprocess.run([sys.executable, ROOT / "scripts" / "report.py", run], check=True)
    assert_promised(json.loads((run / "report.json").read_text()))
    page = (run / "report.html").read_text()
    assert "data:video/mp4" in page
    assert "<built-in" not in page


def assert_promised(report: dict[str, Any]) -> None:
    """Every figure that the demo promises is there, as a number."""
    assert report["seconds"]["idm"] == report["seconds"]["total"] == 7
    scores = ("keypress_accuracy", "macro_f1", "camera_r2", "camera_mae_degrees")
    rates = ("log_rate", "log_rate_low", "log_rate_high")
    promised = {
        "seconds": ("record", "idm", "label", "policy", "generator", "evaluate", "total"),
        "idm": scores,
        "labels": ("videos", "frames", "frames_per_second", "times_real_time", "macro_f1", "camera_r2"),
        "generator": ("psnr", "copy_psnr", "psnr_turning", "copy_psnr_turning", "left_right_order"),
    }
    figures = [report[part][name] for part, names in promised.items() for name in names]
    figures += [report["idm"]["baselines"][name][score] for name in ("always_off", "repeat_last") for score in scores]
    players = ("labelled_only", "pseudo_labels", "true_actions", "random", "scripted")
    figures += [report["policy"][player][rate] for player in players for rate in rates]
    assert all(isinstance(figure, int | float) for figure in figures)
