"""A curve of `idm curve` as text, and what more play would bring."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from idm.curve import MORE_MINUTES, Curve, Point, outlook
from idm.extrapolation import FORM, MIN_MINUTES
from idm.measurement import MIN_PRESSES

TITLES = {
    "macro_f1": "macro-F1, nine keys",
    "macro_f1_common": f"macro-F1, keys of {MIN_PRESSES} presses",
    "event_f1": "press and release F1, within 1 tick",
    "r2_pitch": "R² pitch",
    "r2_yaw": "R² yaw",
}


@dataclass(frozen=True)
class Summary:
    """A figure at one amount of play, over seeds."""

    mean: float
    interval: tuple[float, float] | None
    """Mean of the seeds' intervals."""
    least: float
    most: float
    seeds: int


def summarise(points: Sequence[Point], name: str) -> Summary | None:
    """Of the points with the same minutes; None where the figure is not defined."""
    found = [point.figures[name] for point in points]
    values = [each["value"] for each in found if each["value"] is not None]
    if not values:
        return None
    lows = [each["low"] for each in found if each["low"] is not None]
    highs = [each["high"] for each in found if each["high"] is not None]
    interval = (_mean(lows), _mean(highs)) if len(lows) == len(highs) == len(values) else None
    return Summary(_mean(values), interval, min(values), max(values), len(values))


def table(curve: Curve) -> str:
    """By figure, a line for each amount of play; then what more of it would bring."""
    arms = curve.arms
    if not arms:
        return "no model of the curve has been measured yet"
    parts = ["\n".join(_figure_lines(curve, name, arms)) for name in TITLES if _is_known(curve, name)]
    parts += ["\n".join(_outlook_lines(curve, arm, named=len(arms) > 1)) for arm in arms]
    return "\n\n".join([*parts, f"{curve.intervals}, mean over seeds; seeds: the lowest and the highest"])


def _is_known(curve: Curve, name: str) -> bool:
    return any(point.figures[name]["value"] is not None for point in curve.points)


def _figure_lines(curve: Curve, name: str, arms: Sequence[str]) -> Iterator[str]:
    heads = "".join(f"{arm if len(arms) > 1 else '':>16}{'95 % interval':>18}{'seeds':>18}" for arm in arms)
    yield f"{TITLES[name]:36}{heads}"
    for minutes in sorted({point.model.minutes for point in curve.points}):
        cells = [_cells(summarise(_at(curve, arm, minutes), name)) for arm in arms]
        yield f"{f'{minutes:g} min':>36}{''.join(cells)}"


def _at(curve: Curve, arm: str, minutes: float) -> list[Point]:
    return [point for point in curve.points if (point.model.arm, point.model.minutes) == (arm, minutes)]


def _cells(summary: Summary | None) -> str:
    if summary is None:
        return f"{'–':>16}{'':36}"
    interval = "" if summary.interval is None else _range(*summary.interval)
    seeds = "one" if summary.seeds == 1 else _range(summary.least, summary.most)
    return f"{summary.mean:z16.3f}{interval:>18}{seeds:>18}"


def _outlook_lines(curve: Curve, arm: str, *, named: bool) -> Iterator[str]:
    prefix = f"{arm}: " if named else ""
    found = {name: each for name, each in outlook(curve, arm).items() if each is not None}
    if not found:
        takes = f"that takes {MIN_MINUTES} amounts of play"
        yield f"{prefix}what {MORE_MINUTES:g} more minutes bring cannot be told: {takes}"
        return
    to = next(iter(found.values())).minutes
    points = [point for point in curve.points if point.model.arm == arm]
    narrow = "; rather too narrow, with one seed" if len({point.model.seed for point in points}) == 1 else ""
    yield (
        f"{prefix}extrapolated to {to:g} minutes, {MORE_MINUTES:g} more than were tried, by {FORM}\n"
        f"(no measurement; 95 % of fits to points drawn anew{narrow})"
    )
    for name, each in found.items():
        value, gain = each.value, each.gain
        yield (
            f"{TITLES[name]:>36}{value.value:z16.3f}{_range(value.low, value.high):>18}   gains {gain.value:z.3f} "
            f"({_range(gain.low, gain.high)}); b = {each.b:z.2f}"
        )


def _range(low: float | None, high: float | None) -> str:
    return f"{low:z.3f} … {high:z.3f}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
