"""The demo's report as one self-contained page."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import torch
from charts import charts
from clips import episode_clips, generated_frames, in_seconds, labelled_clip
from measured import BASELINES, HELDOUT, LEARNT, POLICIES, STAGES, idm_scores, labelled_pairs, read_json
from tqdm import tqdm

from env import Recording, find_recordings
from env.video.ticks import TICKS_PER_SECOND
from idm.metrics import AXES, CLIP, MACRO_BUTTONS


def page(run: Path, report: Mapping[str, Any]) -> str:
    """The report as one HTML page with everything in it."""
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8")
    )
    steps = tqdm(total=4, desc="drawing the report", unit="part")
    pairs = labelled_pairs(run, HELDOUT["gatherer"])
    hero = labelled_clip(*pairs[0])
    steps.update()
    frames = generated_frames(run)
    steps.update()
    drawn = charts(run, report, pairs)
    steps.update()
    clips = [clip for name in POLICIES for clip in episode_clips(run, name)]
    steps.update()
    steps.close()
    return template.render(
        quick=_settings(run)[0] == "quick",
        minutes={name: _minutes(run, name) for name in ("labelled", "unlabelled")},
        hero=hero,
        cards=_cards(report),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, no GPU used"
        if not torch.cuda.is_available()
        else f"{torch.cuda.get_device_name()}",
        stages=_stage_rows(run, report),
        total_seconds=report["seconds"]["total"],
        idm=_idm_tables(run),
        labels=_label_tables(report),
        policy=_policy_section(run, report),
        clips=clips,
        generator={**_generator_section(report["generator"]), **frames},
        charts=drawn,
        options=_options(run, report),
        provenance=_provenance(),
    )


def _cards(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*_label_cards(report), _policy_card(report["policy"]), *_generator_cards(report["generator"])]


def _label_cards(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    idm, labels = report["idm"], report["labels"]
    other = labels["heldout"]["gatherer"]
    baseline = max(idm["baselines"][name]["macro_f1"] for name in ("always_off", "repeat_last"))
    return [
        _card(
            f"{idm['camera_r2']:.2f}",
            "of the mouse's variance explained on held-out play, worse axis (R²)",
            idm["camera_r2"] >= 0.9,
            "wanted: 0.9",
        ),
        _card(
            f"{idm['macro_f1']:.2f}",
            f"mean F1 over nine keys on held-out play; the better baseline has {baseline:.2f}",
            idm["macro_f1"] >= max(0.6, 2 * baseline),
            f"wanted: {max(0.6, 2 * baseline):.2f}",
        ),
        _card(
            f"{other['macro_f1']:.2f}",
            "mean F1 of the labels of held-out play in the unlabelled set's style, which the IDM was not trained on",
        ),
        _card(
            f"{labels['times_real_time']:.0f} ×",
            f"real time when labelling the unlabelled set in bulk ({labels['frames']:,} frames)",
        ),
    ]


def _policy_card(policy: Mapping[str, Any]) -> dict[str, Any]:
    ours, lesser, chance = (policy[name] for name in ("pseudo_labels", "labelled_only", "random"))
    return _card(
        f"{ours['log_rate']:.0%}",
        f"of episodes the pseudo-label policy got a log (95 % interval {_interval(ours)}); "
        f"trained on the small set {lesser['log_rate']:.0%} ({_interval(lesser)}), "
        f"random {chance['log_rate']:.0%} ({_interval(chance)}); {_seeds_in_words(ours)}",
        ours["log_rate"] > lesser["log_rate"] and ours["log_rate_low"] > chance["log_rate_high"],
        "wanted: more than both, and an interval clear of random",
    )


def _generator_cards(generator: Mapping[str, Any]) -> list[dict[str, Any]]:
    furthest = max(generator["horizons"], key=int)
    ahead = generator["horizons"][furthest]
    cards = [
        _card(
            f"{generator['left_right_order']:.0%}",
            "of generated left and right turns move the picture to the right sides",
            generator["left_right_order"] >= 0.9,
            "wanted: 90 %",
        ),
        _card(
            f"{ahead['psnr'] - ahead['copy_psnr']:+.1f} dB",
            f"over copying the last frame, after {in_seconds(int(furthest))} on its own frames, on all held-out frames",
        ),
    ]
    if "psnr_turning" not in generator:
        return cards
    gain = generator["psnr_turning"] - generator["copy_psnr_turning"]
    text = "over copying the last frame, one tick ahead, on held-out frames that turn"
    return [_card(f"{gain:+.1f} dB", text, gain >= 1, "wanted: +1 dB"), *cards]


def _card(value: str, text: str, met: bool | None = None, target: str = "") -> dict[str, Any]:
    return {"value": value, "text": text, "met": met, "target": target}


def _stage_rows(run: Path, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    labels, policy = report["labels"], report["policy"]
    recorded = {"labelled": ("labelled",), "unlabelled": ("unlabelled",), "held-out": tuple(HELDOUT.values())}
    trained = sum(len(policy[name]["seeds"]) for name in LEARNT)
    heldout = sum(scores["ticks"] for scores in labels["heldout"].values())
    made = {
        "record": ", ".join(f"{_minutes(run, *folders)} {name}" for name, folders in recorded.items()),
        "idm": f"a model scored on {report['idm']['ticks']:,} ticks",
        "label": f"{labels['videos']} label files with {labels['frames']:,} rows in bulk, {heldout:,} held-out rows",
        "policy": f"{trained} policies of equal budget",
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


def _label_tables(report: Mapping[str, Any]) -> dict[str, Any]:
    """Held-out scores by style, and the lines of the bulk run, as text for the page."""
    labels = report["labels"]

    def row(name: str, scores: Mapping[str, Any], guess: Mapping[str, Any] | None) -> dict[str, str]:
        return {
            "name": name,
            "ticks": f"{scores.get('ticks', labels['frames']):,}",
            "f1": f"{scores['macro_f1']:.2f}",
            "pitch": f"{scores['camera_r2_pitch']:z.2f}",
            "yaw": f"{scores['camera_r2_yaw']:z.2f}",
            "baseline": "" if guess is None else f"{guess['macro_f1']:.2f}",
        }

    names = {
        "explorer": "held-out play, explorer (a style of the labelled set)",
        "everyday": "held-out play, everyday (the other, with open screens and all 20 buttons)",
        "gatherer": "held-out play, gatherer",
    }
    scored = [
        row(f"{names[style]}", scores, scores["baselines"]["repeat_last"])
        for style, scores in labels["heldout"].items()
    ]
    return {
        "scores": [*scored, row("the unlabelled set itself, gatherer", labels, None)],
        "bulk": [
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
        ],
    }


def _policy_section(run: Path, report: Mapping[str, Any]) -> dict[str, Any]:
    settings = read_json(run / "evaluate" / "random.json")
    rows = []
    for name, (title, note) in POLICIES.items():
        log = report["policy"][name]
        rows.append(
            {
                "name": title,
                "note": note,
                "rate": f"{log['log_rate']:.0%}",
                "successes": f"{log['successes']} of {log['episodes']}",
                "interval": _interval(log),
            }
        )
    return {
        "rows": rows,
        "episodes": settings["episodes"],
        "seconds": round(settings["max_ticks"] / TICKS_PER_SECOND),
        "seeds": _seeds_in_words(report["policy"]["pseudo_labels"]),
        "pooled": len(report["policy"]["pseudo_labels"]["seeds"]) > 1,
    }


def _interval(rate: Mapping[str, Any]) -> str:
    return f"{rate['log_rate_low']:.0%} to {rate['log_rate_high']:.0%}"


def _seeds_in_words(rate: Mapping[str, Any]) -> str:
    count = len(rate["seeds"])
    return "one training seed each" if count == 1 else f"{count} training seeds each, pooled"


def _generator_section(scores: Mapping[str, Any]) -> dict[str, Any]:
    horizons = scores["horizons"]

    def row(name: str, ours: float, copy: float, blurred: float | None) -> dict[str, str]:
        return {
            "name": name,
            "model": f"{ours:.2f} dB",
            "copied": f"{copy:.2f} dB",
            "blurred": "" if blurred is None else f"{blurred:.2f} dB",
            "difference": f"{ours - copy:+.2f} dB",
        }

    rows = [
        row(
            f"{ticks} {'tick' if ticks == '1' else 'ticks'} ahead",
            *(entry[name] for name in ("psnr", "copy_psnr", "blurred_copy_psnr")),
        )
        for ticks, entry in horizons.items()
    ]
    if "psnr_turning" in scores:
        rows.insert(1, row("1 tick ahead, turning frames", scores["psnr_turning"], scores["copy_psnr_turning"], None))
    furthest = max(horizons, key=int)
    return {
        "rows": rows,
        "clips": scores["clips"],
        "reach": (
            "The generator's frames are nearer to the real ones than the last real frame held still for "
            f"{_ahead(horizons, 'copy_psnr')}, and than that frame with the blur that suits best for "
            f"{_ahead(horizons, 'blurred_copy_psnr')}. Their detail, the mean difference of neighbouring pixels, is "
            f"{horizons['1']['detail_ratio']:.0%} of the real frames' after one tick and "
            f"{horizons[furthest]['detail_ratio']:.0%} after {furthest} ({in_seconds(int(furthest))}); encoding and "
            f"decoding alone leaves {scores['vae_detail_ratio']:.0%}. Blur lowers it, noise raises it."
        ),
        "turns": (
            f"From {scores['pairs']} start frames the generator turned left and turned right, from the same noise: in "
            f"{scores['left_right_order']:.0%} of them the left turn moved the picture further to the right. "
            f"Real frames that are only encoded and decoded have a PSNR of {scores['vae_psnr']:.1f} dB."
        ),
    }


def _ahead(horizons: Mapping[str, Mapping[str, float]], other: str) -> str:
    """For how long the generator is the better one, without a break from the first tick on."""
    best = 0
    for ticks in sorted(map(int, horizons)):
        if horizons[str(ticks)]["psnr"] <= horizons[str(ticks)][other]:
            break
        best = ticks
    return {0: "no tick", 1: "one tick"}.get(best, f"{best} ticks")


def _minutes(run: Path, *folders: str) -> str:
    """How much play the folders hold together, in words."""
    ticks = sum(len(Recording.open(path)) for path in find_recordings([run / folder for folder in folders]))
    minutes = f"{ticks / TICKS_PER_SECOND / 60:.3g}"
    return f"{minutes} minute" if minutes == "1" else f"{minutes} minutes"


def _settings(run: Path) -> tuple[str, str]:
    """The demo's size and its budget."""
    size, _, budget = (run / "settings").read_text().strip().partition("-")
    return size, budget


def _options(run: Path, report: Mapping[str, Any]) -> str:
    size, budget = _settings(run)
    seeds = len(report["policy"]["pseudo_labels"]["seeds"])
    given = {" --quick": size == "quick", f" --budget {budget}": budget != "1", f" --seeds {seeds}": seeds > 1}
    return "".join(option for option, needed in given.items() if needed)


def _provenance() -> str:
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("ghostkeys", "torch", "lightning", "gymnasium", "numpy")
    )
    return f"{packages}; Python {platform.python_version()}. Seeds: scripts/demo.sh. Figures: report.json."
