"""Every figure that the demo measured, from the files its stages wrote."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelling.scoring import score_labels

POLICIES = {
    "labelled_only": ("labelled-only", "trained on the small labelled set"),
    "pseudo_labels": ("pseudo-labels", "trained on the keys that the IDM inferred"),
    "true_actions": ("true-actions", "trained on the true keys of the same videos: the ceiling"),
    "random": ("random", "uniform over the policy's action space"),
    "scripted": ("scripted", "the player that made the recordings; it may look at the world's state"),
}
BASELINES = ("always_off", "repeat_last", "previous_tick")
STAGES = ("record", "idm", "label", "policy", "generator", "evaluate")


def measure(run: Path) -> dict[str, Any]:
    """Every figure of the demo, as numbers."""
    return {
        "seconds": _seconds(run),
        "idm": _idm_figures(idm_scores(run)),
        "labels": _label_figures(run),
        "policy": {name: _rate(run, file) for name, (file, _) in POLICIES.items()},
        "generator": read_json(run / "generator" / "scores.json"),
    }


def _seconds(run: Path) -> dict[str, float]:
    """Wall seconds by stage, those of stopped tries included."""
    spent = dict.fromkeys(STAGES, 0.0)
    for file in (run / "stages").glob("*.seconds"):
        spent[file.name.split(".")[0]] += sum(map(float, file.read_text().split()))
    return {**spent, "total": sum(spent.values())}


def _rate(run: Path, file: str) -> dict[str, float]:
    result = read_json(run / "evaluate" / f"{file}.json")
    log = result["milestones"]["log"]
    return {
        "log_rate": log["rate"],
        "log_rate_low": log["low"],
        "log_rate_high": log["high"],
        "episodes": result["episodes"],
    }


def idm_scores(run: Path) -> dict[str, Any]:
    """The model's scores on held-out play, and those of each baseline under `baselines`."""
    document = read_json(run / "idm" / "scores.json")
    return {**document["model"], "baselines": document["baselines"]}


def _idm_figures(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Headline figures. Where there are two axes the worse one stands for both; each axis stands beside it."""
    return {
        **_headline(scores),
        "ticks": scores["ticks"],
        "buttons": scores["buttons"],
        "baselines": {name: _headline(scores["baselines"][name]) for name in BASELINES},
    }


def _headline(scores: Mapping[str, Any]) -> dict[str, float]:
    return {
        "keypress_accuracy": scores["keypress_accuracy"],
        "macro_f1": scores["macro_f1"],
        "camera_r2": min(scores["camera_r2"].values()),
        "camera_mae_degrees": max(scores["camera_mae_degrees"].values()),
        **{f"camera_r2_{axis}": value for axis, value in scores["camera_r2"].items()},
        **{f"camera_mae_degrees_{axis}": value for axis, value in scores["camera_mae_degrees"].items()},
    }


def _label_figures(run: Path) -> dict[str, Any]:
    """What the bulk labelling did, and its label files against the true actions that were kept aside."""
    done = read_json(run / "label.json")
    scores = score_labels(run / "labels", run / "unlabelled").to_dict()
    return {
        "videos": done["videos"]["done"] + done["videos"]["skipped"],
        "failed": done["videos"]["failed"],
        **{name: done[name] for name in ("frames", "usable_frames", "frames_per_second", "times_real_time")},
        **_headline(scores),
    }


def read_json(path: Path) -> Any:
    """A JSON file's content."""
    return json.loads(path.read_text())
