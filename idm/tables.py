"""The figures of `idm validate` as text."""

from collections.abc import Callable, Mapping
from typing import Any

from idm.evaluation import Evaluation
from idm.events import COLLARS, KINDS
from idm.measurement import MIN_PRESSES
from idm.metrics import AXES
from idm.reliability import BINS, COVERAGES, LEAST_LIKELY
from idm.turns import SUBSETS

TITLES = {
    "model": "model",
    "always_off": "always off",
    "repeat_last": "repeat last",
    "previous_tick": "one tick late",
}
"""The columns: the last is the true action one tick late, which no labeller knows."""


def table(evaluation: Evaluation) -> str:
    """All figures: the buttons one by one, then everything beside the baselines, the camera, and the confidence."""
    parts = (buttons_table, baselines_table, camera_table, reliability_table)
    scores = evaluation.model
    end = f"{scores.ticks:,} ticks of {evaluation.recordings} recordings; {evaluation.bootstrap.note()}"
    return "\n\n".join([*(part(evaluation) for part in parts), end])


def buttons_table(evaluation: Evaluation) -> str:
    """Each button's scores, with those of the ticks in which it can show."""
    measured = evaluation.measured["model"]
    lines = [
        f"{'button':12}{'precision':>10}{'recall':>9}{'F1':>8}{'95 % interval':>16}{'ticks on':>10}{'presses':>9}"
        f"{'F1 shown':>10}{'press ±1':>10}"
    ]
    for name, button in measured["keys"]["buttons"].items():
        shown = measured["keys_visible"]["buttons"][name]
        press = measured["events"]["1"]["buttons"][name]["press"]
        lines.append(
            f"{name:12}{_figure(button['precision'], 10)}{_figure(button['recall'], 9)}{_figure(button['f1'], 8)}"
            f"{_interval(button['f1']):>16}{button['ticks_on']:10,d}{button['presses']:9,d}"
            f"{_figure(shown['f1'], 10)}{_number(press['f1'], 10)}"
        )
    lines.append(
        "F1 shown: without ticks in which the key cannot show; press ±1: F1 of its presses, a tick early or late"
    )
    return "\n".join(lines)


def baselines_table(evaluation: Evaluation) -> str:
    """The main figures of the model beside those of guesses that need no video."""
    columns = {"model": evaluation.model, **evaluation.baselines}
    lines = [f"{'':36}{'95 % interval':>18}" + "".join(f"{TITLES[name]:>15}" for name in columns)]

    def row(title: str, pick: Callable[[str], float | None], interval: str = "") -> None:
        lines.append(f"{title:36}{interval:>18}" + "".join(_number(pick(name), 15) for name in columns))

    def measured_row(title: str, *path: str) -> None:
        estimates = {name: _at(evaluation.measured[name], path) for name in columns}
        row(title, lambda name: estimates[name]["value"], _interval(estimates["model"]))

    measured = evaluation.measured["model"]
    often = measured["keys"]["macro_f1_common"]["buttons"]
    row("keypress accuracy", lambda name: columns[name].keypress_accuracy)
    row("macro-F1, nine keys", lambda name: columns[name].macro_f1, _interval(measured["keys"]["macro_f1"]))
    row(
        "  where they can show",
        lambda name: evaluation.visible[name].macro_f1,
        _interval(measured["keys_visible"]["macro_f1"]),
    )
    if often:
        plural = "s" if len(often) > 1 else ""
        measured_row(f"macro-F1, {len(often)} key{plural} of {MIN_PRESSES} presses", "keys", "macro_f1_common")
        measured_row("  where they can show", "keys_visible", "macro_f1_common")
    measured_row("F1 of all keys' ticks", "keys", "micro_f1")
    measured_row("  where they can show", "keys_visible", "micro_f1")
    measured_row("  where they cannot", "keys_invisible", "micro_f1")
    for collar in COLLARS:
        within = "at the tick" if collar == 0 else f"within {collar} tick{'s' if collar > 1 else ''}"
        measured_row(f"press and release F1, {within}", "events", str(collar), "micro", "f1")
        if collar == 1:
            for kind in KINDS:
                measured_row(f"  {kind} alone", "events", str(collar), kind, "f1")
            measured_row("  mean over keys and kinds", "events", str(collar), "macro_f1")
            measured_row("  where they can show", "events_visible", str(collar), "micro", "f1")
    for axis in AXES:
        measured_row(f"R² {axis}", "camera", axis, "all", "r2")
    for axis in AXES:
        measured_row(f"error {axis}, degrees", "camera", axis, "all", "mae_degrees")
    lines.append("as D2E counts, in bins of 50 ms")
    measured_row("  keyboard accuracy", "as_d2e_counts", "keyboard_accuracy")
    measured_row("  mouse button accuracy", "as_d2e_counts", "mouse_button_accuracy")
    for axis in AXES:
        measured_row(f"  Pearson {axis}", "as_d2e_counts", "mouse_pearson", axis)
        measured_row(f"  scale ratio {axis}", "as_d2e_counts", "mouse_scale_ratio", axis)
    return "\n".join(lines)


def camera_table(evaluation: Evaluation) -> str:
    """The model's turns by axis, where the view moves and where not, with a screen open and without."""
    titles = dict(zip(SUBSETS, ("all", "moving", "still", "screen open", "none open"), strict=True))
    camera = evaluation.measured["model"]["camera"]
    if not camera[AXES[0]]["screen_open"]["n"]:
        del titles["screen_open"], titles["screen_closed"]  # the same as all, or not known
    heads = f"{'R²':>8}{'95 % interval':>18}{'error, degrees':>16}{'Pearson':>10}{'scale':>8}{'ticks':>10}"
    lines = [f"{'camera':20}{heads}"]
    for axis in AXES:
        for subset, title in titles.items():
            turns = camera[axis][subset]
            lines.append(
                f"{f'{axis}, {title}':20}{_figure(turns['r2'], 8)}{_interval(turns['r2']):>18}"
                f"{_figure(turns['mae_degrees'], 16)}{_figure(turns['pearson'], 10)}{_figure(turns['scale'], 8)}"
                f"{turns['n']:10,d}"
            )
    lines.append("scale: slope of inferred on true turns, below 1 where turns are inferred too small")
    return "\n".join(lines)


def reliability_table(evaluation: Evaluation) -> str:
    """Calibration errors, and the error left when the least confident ticks are dropped."""
    found = evaluation.reliability
    camera = ", ".join(f"{axis} {found['camera_ece'][axis]:.4f}" for axis in AXES)
    likely = "–" if found["buttons_ece_likely"] is None else f"{found['buttons_ece_likely']:.4f}"
    titles = {
        "wrong_keys": ("wrong keys", 100.0, " %"),
        "ticks_with_a_wrong_key": ("ticks with a wrong key", 100.0, " %"),
        "camera_mae_degrees": ("camera error", 1.0, "°"),
    }
    lines = [
        f"calibration error ({BINS} bins of equal mass): buttons {found['buttons_ece']:.4f}, "
        f"where P(pressed) ≥ {LEAST_LIKELY:g} {likely} ({found['likely_share']:.0%} of cases); camera bins {camera}",
        "negative log-likelihood, nats a tick: "
        + ", ".join(f"{part} {nats:.3f}" for part, nats in found["nats_per_tick"].items()),
        f"{'most confident ticks':26}" + "".join(f"{share:>10.0%}" for share in COVERAGES) + f"{'75 % saves':>12}",
    ]
    for name, (title, factor, unit) in titles.items():
        risk = found["risk"][name]
        cells = "".join(f"{f'{error * factor:.2f}{unit}':>10}" for error in risk["at_coverage"].values())
        saves = "–" if risk["gain"] is None else f"{risk['gain']:.0%}"
        lines.append(f"{title:26}{cells}{saves:>12}")
    return "\n".join(lines)


def _at(figures: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for name in path:
        figures = figures[name]
    return figures


def _figure(estimate: Mapping[str, Any], width: int) -> str:
    return _number(estimate["value"], width)


def _number(value: float | None, width: int) -> str:
    return f"{'–':>{width}}" if value is None else f"{value:z{width}.3f}"


def _interval(estimate: Mapping[str, Any]) -> str:
    return "" if estimate["low"] is None else f"{estimate['low']:z.3f} … {estimate['high']:z.3f}"
