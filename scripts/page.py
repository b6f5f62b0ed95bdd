"""The demo's report as one self-contained page."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import figures
import jinja2
import numpy as np
import torch
from measured import BASELINES, POLICIES, STAGES, idm_scores, read_json
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tqdm import tqdm

from env import Actions, Recording, find_recordings
from env.video.frames import TICKS_PER_SECOND, probe, read_frames
from generator import Sampler
from generator import load as load_generator
from idm.metrics import AXES, CLIP, MACRO_BUTTONS


def page(run: Path, report: Mapping[str, Any]) -> str:
    """The report as one HTML page with everything in it."""
    pairs = [
        (Recording.open(path), Recording.open(run / "unlabelled" / Recording.open(path).name))
        for path in find_recordings([run / "labels"], kind="labels")
    ]
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8")
    )
    steps = tqdm(total=4, desc="drawing the report", unit="part")
    clip, shots = _clip(pairs), {}
    steps.update()
    shots["generator"] = _generator_shots(run)
    steps.update()
    charts = _charts(run, report, pairs)
    steps.update()
    videos = {name: _video(run / "videos" / f"{file}.mp4") for name, (file, _) in POLICIES.items()}
    steps.update()
    steps.close()
    return template.render(
        summary={
            "labelled_minutes": _minutes(run / "labelled"),
            "unlabelled_minutes": _minutes(run / "unlabelled"),
        },
        clip=clip,
        cards=_cards(report),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, no GPU used"
        if not torch.cuda.is_available()
        else f"{torch.cuda.get_device_name()}",
        stages=_stage_rows(run, report),
        total_seconds=report["seconds"]["total"],
        idm=_idm_tables(run),
        labels=_label_rows(report),
        policy=_policy_section(run, report, videos),
        generator={**_generator_section(report["generator"]), **shots["generator"]},
        charts=charts,
        options=_options(run),
        provenance=_provenance(),
    )


def _cards(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    idm, labels, policy, generator = (report[name] for name in ("idm", "labels", "policy", "generator"))
    ours, lesser, chance = (policy[name]["log_rate"] for name in ("pseudo_labels", "labelled_only", "random"))
    gain = generator["psnr_turning"] - generator["copy_psnr_turning"]
    baseline = max(idm["baselines"][name]["macro_f1"] for name in ("always_off", "repeat_last"))
    return [
        _card(
            f"{idm['camera_r2']:.2f}",
            "of the mouse's variance explained, worse axis (R²)",
            idm["camera_r2"] >= 0.9,
            "wanted: 0.9",
        ),
        _card(
            f"{idm['macro_f1']:.2f}",
            f"mean F1 over nine keys; the better baseline has {baseline:.2f}",
            idm["macro_f1"] >= max(0.6, 2 * baseline),
            f"wanted: {max(0.6, 2 * baseline):.2f}",
        ),
        _card(f"{labels['times_real_time']:.0f} ×", f"real time when labelling {labels['frames']:,} frames"),
        _card(
            f"{ours:.0%}",
            f"of episodes the pseudo-label policy got a log; {lesser:.0%} from the small set, {chance:.0%} random",
            ours > lesser and policy["pseudo_labels"]["log_rate_low"] > policy["random"]["log_rate_high"],
            "wanted: more than both, and clear of random",
        ),
        _card(f"{gain:+.1f} dB", "over copying the last frame, on frames that turn", gain >= 1, "wanted: +1 dB"),
        _card(
            f"{generator['left_right_order']:.0%}",
            "of generated left and right turns move the picture to the right sides",
            generator["left_right_order"] >= 0.9,
            "wanted: 90 %",
        ),
    ]


def _card(value: str, text: str, met: bool | None = None, target: str = "") -> dict[str, Any]:
    return {"value": value, "text": text, "met": met, "target": target}


def _stage_rows(run: Path, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    labels, policy = report["labels"], report["policy"]
    made = {
        "record": ", ".join(f"{_minutes(run / name)} {name}" for name in ("labelled", "heldout", "unlabelled"))
        + " minutes",
        "idm": f"a model scored on {report['idm']['ticks']:,} ticks",
        "label": f"{labels['videos']} label files with {labels['frames']:,} rows",
        "policy": "three policies of equal budget",
        "generator": "an autoencoder and a diffusion transformer",
        "evaluate": f"{sum(entry['episodes'] for entry in policy.values())} episodes",
    }
    seconds = report["seconds"]
    longest = max(seconds[name] for name in STAGES) or 1
    return [
        {"name": name, "made": made[name], "seconds": seconds[name], "share": round(100 * seconds[name] / longest)}
        for name in STAGES
    ]


def _idm_tables(run: Path) -> dict[str, Any]:
    """The scores by key and in all, beside the baselines, as text for the page."""
    scores = idm_scores(run)
    others = scores["baselines"]

    def row(name: str) -> dict[str, Any]:
        own = scores["buttons"][name]
        return {
            "name": name,
            "held": f"{own['support'] / scores['ticks']:.1%}",
            **{part: f"{own[part]:.2f}" for part in ("precision", "recall", "f1")},
            "percent": round(100 * own["f1"]),
            **{other: f"{others[other]['buttons'][name]['f1']:.2f}" for other in BASELINES},
        }

    def summary(title: str, pick: Any, form: str) -> dict[str, str]:
        return {
            "name": title,
            "model": form.format(pick(scores)),
            **{o: form.format(pick(others[o])) for o in BASELINES},
        }

    return {
        "ticks": f"{scores['ticks']:,}",
        "clip_ticks": CLIP,
        "rows": [row(name) for name in MACRO_BUTTONS],
        "summary": [
            summary("mean F1 over these keys", lambda s: s["macro_f1"], "{:z.2f}"),
            summary("keypress accuracy, 20 keys", lambda s: s["keypress_accuracy"], "{:.3f}"),
            *(summary(f"camera R², {axis}", lambda s, a=axis: s["camera_r2"][a], "{:z.2f}") for axis in AXES),
            *(
                summary(
                    f"mean absolute error, {axis} (degrees a tick)",
                    lambda s, a=axis: s["camera_mae_degrees"][a],
                    "{:z.2f}",
                )
                for axis in AXES
            ),
        ],
    }


def _label_rows(report: Mapping[str, Any]) -> list[dict[str, str]]:
    labels, idm = report["labels"], report["idm"]
    return [
        {"name": "videos labelled", "value": f"{labels['videos']}", "note": f"{labels['failed']} failed"},
        {
            "name": "rows, one a tick",
            "value": f"{labels['frames']:,}",
            "note": f"{labels['usable_frames']:,} judged usable",
        },
        {
            "name": "speed",
            "value": f"{labels['frames_per_second']:,.0f} frames/s",
            "note": f"{labels['times_real_time']:.0f} × real time, decoding and starting the processes included",
        },
        {
            "name": "mean F1 over nine keys",
            "value": f"{labels['macro_f1']:.2f}",
            "note": f"against the true actions; {idm['macro_f1']:.2f} on held-out play in the labelled style",
        },
        {
            "name": "camera R², worse axis",
            "value": f"{labels['camera_r2']:.2f}",
            "note": f"pitch {labels['camera_r2_pitch']:.2f}, yaw {labels['camera_r2_yaw']:.2f}",
        },
    ]


def _policy_section(run: Path, report: Mapping[str, Any], videos: Mapping[str, str]) -> dict[str, Any]:
    settings = read_json(run / "evaluate" / "random.json")
    rows = []
    for name, (title, note) in POLICIES.items():
        log = report["policy"][name]
        low, high = log["log_rate_low"], log["log_rate_high"]
        rows.append(
            {
                "name": title,
                "note": note,
                "rate": f"{log['log_rate']:.0%}",
                "percent": round(100 * log["log_rate"], 1),
                "low": round(100 * low, 1),
                "high": round(100 * high, 1),
                "interval": f"{low:.0%} to {high:.0%}",
                "style": "" if name == "pseudo_labels" else "grey",
            }
        )
    return {
        "rows": rows,
        "episodes": settings["episodes"],
        "seconds": round(settings["max_ticks"] / TICKS_PER_SECOND),
        "clips": [{"name": POLICIES[name][0], "video": video} for name, video in videos.items() if video],
    }


def _generator_section(scores: Mapping[str, Any]) -> dict[str, Any]:
    def row(name: str, ours: float, copy: float) -> dict[str, str]:
        return {
            "name": name,
            "model": f"{ours:.2f} dB",
            "copied": f"{copy:.2f} dB",
            "difference": f"{ours - copy:+.2f} dB",
        }

    return {
        "rows": [
            row("PSNR one tick ahead, all frames", scores["psnr"], scores["copy_psnr"]),
            row("PSNR one tick ahead, turning frames", scores["psnr_turning"], scores["copy_psnr_turning"]),
        ],
        "turns": (
            f"From {scores['pairs']} start frames the generator turned left and turned right, from the same noise: in "
            f"{scores['left_right_order']:.0%} of them the left turn moved the picture further to the right. "
            f"The autoencoder alone reaches {scores['vae_psnr']:.1f} dB, an upper bound on the rest."
        ),
    }


def _generator_shots(run: Path) -> dict[str, str]:
    """The generator's frames beside the real ones, and one start frame turned to both sides."""
    sampler = Sampler(load_generator(run / "generator"), steps=4)
    size, context = sampler.model.size, sampler.model.context
    recording = Recording.open(find_recordings([run / "heldout"])[0])
    ticks, every = 16, 2
    yaw = np.abs(recording.actions.camera[:, 1])
    # The span that turns most, but steadily: many ticks of a few degrees.
    turning = np.convolve(np.minimum(yaw, 4.0), np.ones(ticks), mode="valid")[context : len(recording) - ticks - 1]
    start = int(turning.argmax()) + context
    frames = recording.frames(start - context + 1, start + ticks + 1, size=size)
    past, real = frames[:context], frames[context:]
    dreamt = sampler.sample(past, recording.actions[start : start + ticks], generator=torch.Generator().manual_seed(0))
    turn = Actions(np.zeros((16, 20), bool), np.full((16, 2), (0.0, 4.0), np.float32))
    turns = [
        sampler.sample(past, Actions(turn.buttons, turn.camera * side), generator=torch.Generator().manual_seed(0))
        for side in (-1, 1)
    ]
    return {
        "strip": figures.film_strip([("real", real), ("dreamt", dreamt)], every=every),
        "strip_text": (
            f"{ticks / TICKS_PER_SECOND:.1f} seconds of held-out play, a picture every {every} ticks: above what came, "
            "below what the generator made of the first frame and the actions, going on from its own frames."
        ),
        "turn_strip": figures.film_strip([("left", turns[0]), ("right", turns[1])], every=2),
    }


def _charts(run: Path, report: Mapping[str, Any], pairs: Sequence[tuple[Recording, Recording]]) -> dict[str, str]:
    inferred, true = (np.concatenate([pair[i].actions.camera[: len(pair[0])] for pair in pairs]) for i in (0, 1))
    horizons = report["generator"]["horizons"]
    ahead = [int(ticks) for ticks in horizons]
    policies = {name: f"policy-{name}" for name in ("labelled-only", "pseudo-labels", "true-actions")}
    return {
        "camera": figures.camera_scatter(inferred, true),
        "idm": _loss_chart({"training": (run / "idm", "train/total"), "validation": (run / "idm", "validation/total")}),
        "policy": _loss_chart({name: (run / folder, "train/total") for name, folder in policies.items()}),
        "generator": figures.line_chart(
            {
                "generator": (ahead, [entry["psnr"] for entry in horizons.values()]),
                "copy the last frame": (ahead, [entry["copy_psnr"] for entry in horizons.values()]),
            },
            x="ticks ahead",
            y="PSNR (dB)",
            markers=True,
        ),
        "generator_loss": _loss_chart(
            {"autoencoder": (run / "generator", "vae/total"), "transformer": (run / "generator", "dit/total")}, log=True
        ),
    }


def _loss_chart(sources: Mapping[str, tuple[Path, str]], *, log: bool = False) -> str:
    """Learning curves from TensorBoard logs: name -> (run's folder, scalar)."""
    curves = {}
    for name, (folder, scalar) in sources.items():
        events = EventAccumulator(str(folder / "logs")).Reload()
        if scalar in events.Tags()["scalars"]:
            points = events.Scalars(scalar)
            curves[name] = ([point.step for point in points], [point.value for point in points])
    return figures.line_chart(curves, x="step", y="loss", log=log) if curves else ""


def _clip(pairs: Sequence[tuple[Recording, Recording]], *, ticks: int = 300) -> str:
    """Fifteen seconds of a labelled video in which much is pressed."""
    labels, truth = pairs[0]
    start = figures.busiest_span(truth.actions, ticks)
    return figures.mp4(figures.labelled_clip(labels, truth, start=start, ticks=min(ticks, len(labels) - start)))


def _video(path: Path, *, ticks: int = 200, width: int = 400) -> str:
    """The end of an evaluation's video: ten seconds, in which it got its log if it did."""
    if not path.exists():
        return ""
    about = probe(path)
    size = (2 * round(about.height * width / about.width / 2), width)
    return figures.mp4(frame for _, frame in read_frames(path, size=size, start=max(0, (about.frames or 0) - ticks)))


def _minutes(folder: Path) -> str:
    ticks = sum(len(Recording.open(path)) for path in find_recordings([folder]))
    return f"{ticks / TICKS_PER_SECOND / 60:.3g}"


def _options(run: Path) -> str:
    size, budget = (run / "settings").read_text().split("-", 1)
    return (" --quick" if size == "quick" else "") + (f" --budget {budget.strip()}" if budget.strip() != "1" else "")


def _provenance() -> str:
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("ghostkeys", "torch", "lightning", "gymnasium", "numpy")
    )
    return f"{packages}; Python {platform.python_version()}. Seeds: scripts/demo.sh. Figures: report.json."
