"""The charts of the demo's report, by name, as SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import figures
import numpy as np
import yaml
from measured import LEARNT, POLICIES
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from env import Recording


def charts(run: Path, report: Mapping[str, Any], pairs: Sequence[tuple[Recording, Recording]]) -> dict[str, str]:
    """All charts; `pairs` are labelled held-out videos with the recordings of their true actions."""
    inferred, true = (np.concatenate([pair[i].actions.camera[: len(pair[0])] for pair in pairs]) for i in (0, 1))
    return {
        "camera": figures.camera_scatter(inferred, true, title="Mouse movement in held-out play"),
        "idm": _loss_chart(
            {"training": (run / "idm", "train/total", 0), "validation": (run / "idm", "validation/total", 1)},
            title="Training the inverse dynamics model",
        ),
        **_policy_charts(run, report["policy"]),
        **_horizon_charts(report["generator"]["horizons"]),
        **_generator_charts(run),
    }


def _policy_charts(run: Path, policy: Mapping[str, Any]) -> dict[str, str]:
    intervals = [
        figures.Interval(
            name=title,
            rate=policy[name]["log_rate"],
            low=policy[name]["log_rate_low"],
            high=policy[name]["log_rate_high"],
            seeds=[seed["log_rate"] for seed in policy[name]["seeds"]],
            colour=0 if name == "pseudo_labels" else 3,
        )
        for name, (title, _) in POLICIES.items()
    ]
    folders = {POLICIES[name][0]: run / f"policy-{POLICIES[name][0]}" for name in LEARNT}

    def losses(part: str, title: str) -> str:
        sources = {name: (folder, f"{part}/total", i) for i, (name, folder) in enumerate(folders.items())}
        return _loss_chart(sources, title=title)

    return {
        "rates": figures.interval_chart(intervals, title="Episodes with a log", x="episodes with a log (%)"),
        "policy": losses("train", "Training the policies"),
        "policy_validation": losses("validation", "Validating the policies"),
    }


def _horizon_charts(horizons: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    ahead = [int(ticks) for ticks in horizons]

    def curve(name: str, colour: int, *, scale: float = 1.0) -> figures.Curve:
        return figures.Curve(ahead, [scale * entry[name] for entry in horizons.values()], colour, dots=True)

    return {
        "psnr": figures.line_chart(
            {
                "generator": curve("psnr", 0),
                "last frame": curve("copy_psnr", 3),
                "last frame, blurred": curve("blurred_copy_psnr", 1),
            },
            title="PSNR against the real frames",
            x="ticks ahead",
            y="PSNR (dB)",
        ),
        "detail": figures.line_chart(
            {"generator": curve("detail_ratio", 0, scale=100.0)},
            title="Detail of the generated frames",
            x="ticks ahead",
            y="detail (% of the real frames')",
        ),
    }


def _generator_charts(run: Path) -> dict[str, str]:
    folder = run / "generator"

    # Once the autoencoder is done, Lightning goes on logging its last losses.
    first = yaml.safe_load((folder / "run.yaml").read_text())["model"]["vae_steps"]

    def losses(part: str, name: str, until: int | None = None) -> str:
        sources = {
            "training": (folder, f"{part}/total", 0),
            "validation": (folder, f"validation/{part}_total", 1),
        }
        return _loss_chart(sources, title=f"Training the {name}", log=True, until=until)

    return {"autoencoder": losses("vae", "autoencoder", first), "transformer": losses("dit", "transformer")}


def _loss_chart(
    sources: Mapping[str, tuple[Path, str, int]], *, title: str, log: bool = False, until: int | None = None
) -> str:
    """Learning curves from TensorBoard logs, by name: the run's folder, the scalar, and the colour; to a last step."""
    curves = {}
    for name, (folder, scalar, colour) in sources.items():
        events = EventAccumulator(str(folder / "logs")).Reload()
        if scalar in events.Tags()["scalars"]:
            points = [point for point in events.Scalars(scalar) if until is None or point.step < until]
            steps, losses = [point.step for point in points], [point.value for point in points]
            if points:
                curves[name] = figures.Curve(steps, losses, colour, dots=scalar.startswith("validation"))
    return figures.line_chart(curves, title=title, x="step", y="loss", log=log) if curves else ""
