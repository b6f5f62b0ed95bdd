"""Every figure that the demo measured, from the files its stages wrote."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.evaluate import wilson
from env import Recording, find_recordings
from idm.metrics import baselines
from labelling.scoring import score_labels

POLICIES = {
    "labelled_only": ("labelled-only", "trained on the small labelled set"),
    "pseudo_labels": ("pseudo-labels", "trained on the keys that the IDM inferred in the unlabelled videos"),
    "true_actions": ("true-actions", "trained on the true keys of the same videos"),
    "random": ("random", "uniform over the policy's action space; not trained"),
    "scripted": ("scripted", "the player that made the recordings; it may look at the world's state; not trained"),
}
LEARNT = ("labelled_only", "pseudo_labels", "true_actions")
"""The policies that are trained."""
HELDOUT = {"explorer": "heldout", "everyday": "heldout-everyday", "gatherer": "heldout-gatherer"}
"""Held-out play by its style: the folder under the run; its labels are in the folder `labels-…`."""
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


def summary(report: Mapping[str, Any]) -> str:
    """The main figures as a Markdown table."""
    idm, labels, policy, generator = (report[part] for part in ("idm", "labels", "policy", "generator"))
    off, repeat = (idm["baselines"][name] for name in ("always_off", "repeat_last"))
    other = labels["heldout"]["gatherer"]
    horizons = generator["horizons"]
    furthest = max(horizons, key=int)
    rows = [
        ("what", "measured", "beside it"),
        ("---", "---", "---"),
        (
            f"keys of held-out play ({idm['ticks']:,} ticks): mean F1 over nine keys",
            f"{idm['macro_f1']:.2f}",
            f"always off {off['macro_f1']:.2f}, repeat last {repeat['macro_f1']:.2f}",
        ),
        ("mouse of held-out play: R² of pitch, yaw", _r2(idm), f"always off {_r2(off)}; repeat last {_r2(repeat)}"),
        (
            f"labels of held-out play in the unlabelled set's style ({other['ticks']:,} ticks)",
            f"F1 {other['macro_f1']:.2f}, R² {_r2(other)}",
            f"repeat last F1 {other['baselines']['repeat_last']['macro_f1']:.2f}",
        ),
        (
            f"labelling the unlabelled set in bulk, {labels['frames']:,} frames",
            f"{labels['frames_per_second']:,.0f} frames/s",
            f"{labels['times_real_time']:.0f} × real time",
        ),
        *((f"policy {name.replace('_', ' ')} gets a log", _successes(policy[name]), "") for name in POLICIES),
        _psnr_row("generator one tick ahead", generator["psnr"], generator["copy_psnr"]),
    ]
    if "psnr_turning" in generator:
        scores = generator["psnr_turning"], generator["copy_psnr_turning"]
        rows.append(_psnr_row("generator one tick ahead, turning frames", *scores))
    ahead = horizons[furthest]
    rows += [
        _psnr_row(f"generator {furthest} ticks ahead on its own frames", ahead["psnr"], ahead["copy_psnr"]),
        (
            "generated left and right turns go the right way",
            f"{generator['left_right_order']:.0%} of {generator['pairs']} pairs",
            "chance 50%",
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _r2(scores: Mapping[str, Any]) -> str:
    return f"{scores['camera_r2_pitch']:z.2f}, {scores['camera_r2_yaw']:z.2f}"


def _successes(rate: Mapping[str, Any]) -> str:
    seeds = "" if len(rate["seeds"]) == 1 else f", {len(rate['seeds'])} training seeds"
    interval = f"95 % interval {rate['log_rate_low']:.0%} to {rate['log_rate_high']:.0%}"
    return f"{rate['log_rate']:.0%}: {rate['successes']} of {rate['episodes']} episodes ({interval}{seeds})"


def _psnr_row(name: str, ours: float, copied: float) -> tuple[str, str, str]:
    return name, f"{ours:.1f} dB", f"copying the last frame {copied:.1f} dB"


def _seconds(run: Path) -> dict[str, float]:
    """Wall seconds by stage, those of stopped tries included."""
    spent = dict.fromkeys(STAGES, 0.0)
    for file in (run / "stages").glob("*.seconds"):
        spent[file.name.split(".")[0]] += sum(map(float, file.read_text().split()))
    return {**spent, "total": sum(spent.values())}


def evaluations(run: Path, name: str) -> list[dict[str, Any]]:
    """What `ghostkeys evaluate` wrote of a player: of a policy one document for each training seed, in their order."""
    first = run / "evaluate" / f"{name}.json"
    others = sorted(first.parent.glob(f"{name}-seed*.json"), key=lambda path: int(path.stem.rpartition("seed")[2]))
    return [read_json(path) for path in (first, *others)]


def _rate(run: Path, name: str) -> dict[str, Any]:
    """Successes of a player over the episodes of all training seeds, with Wilson's 95 % interval; then seed by seed."""
    seeds = [
        (sum("log" in episode["milestones"] for episode in result["results"]), result["episodes"])
        for result in evaluations(run, name)
    ]
    return {**_log_rate(*map(sum, zip(*seeds, strict=True))), "seeds": [_log_rate(*seed) for seed in seeds]}


def _log_rate(successes: int, episodes: int) -> dict[str, Any]:
    rate, low, high = wilson(successes, episodes)
    figures = {"log_rate": rate, "log_rate_low": low, "log_rate_high": high}
    return {**figures, "successes": successes, "episodes": episodes}


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
    """What the bulk labelling did, and label files against the true actions.

    The scores beside the bulk run's counts are those of the unlabelled set itself; under `heldout`, by style, are those
    of play that no model was trained on.
    """
    done = read_json(run / "label.json")
    return {
        "videos": done["videos"]["done"] + done["videos"]["skipped"],
        "failed": done["videos"]["failed"],
        **{name: done[name] for name in ("frames", "usable_frames", "frames_per_second", "times_real_time")},
        **_headline(score_labels(run / "labels", run / "unlabelled").to_dict()),
        "heldout": {style: _heldout_labels(run, folder) for style, folder in HELDOUT.items()},
    }


def _heldout_labels(run: Path, folder: str) -> dict[str, Any]:
    scores = score_labels(run / f"labels-{folder}", run / folder)
    guesses = baselines([Recording.open(path).actions for path in find_recordings([run / folder])])
    return {
        **_headline(scores.to_dict()),
        "ticks": scores.ticks,
        "baselines": {name: _headline(guesses[name].to_dict()) for name in BASELINES},
    }


def labelled_pairs(run: Path, folder: str) -> list[tuple[Recording, Recording]]:
    """Labelled videos of a folder, each with the recording that holds its true actions."""
    labelled = [Recording.open(path) for path in find_recordings([run / f"labels-{folder}"], kind="labels")]
    return [(recording, Recording.open(run / folder / recording.name)) for recording in labelled]


def read_json(path: Path) -> Any:
    """A JSON file's content."""
    return json.loads(path.read_text())
