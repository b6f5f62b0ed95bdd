"""What `idm validate` measures of one column, the model's or a baseline's, with intervals, as plain data for JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS
from idm.comparison import Comparison
from idm.events import COLLARS, KINDS, EventCounts, count_events, events, f1
from idm.intervals import Bootstrap, Estimate
from idm.metrics import AXES, MACRO_BUTTONS
from idm.turns import FIGURES, SUBSETS, mean_turn_ratio, subsets, turn_figures, turn_sums

MIN_PRESSES = 50
"""Presses a button needs to count in `macro_f1_common`."""
MOUSE_BUTTONS = ("attack", "use")
_MOUSE = np.isin(BUTTONS, MOUSE_BUTTONS)


def measure(comparison: Comparison, bootstrap: Bootstrap) -> dict[str, Any]:
    """Everything but what needs probabilities."""
    counted = count_events(comparison)
    sums = _event_sums(counted, bootstrap)
    return {
        "keys": measure_keys(comparison, bootstrap),
        "keys_visible": measure_keys(comparison, bootstrap, counts=comparison.visible),
        "keys_invisible": measure_keys(comparison, bootstrap, counts=~comparison.visible),
        "events": _events(sums, bootstrap),
        "events_visible": _events(_event_sums(count_events(comparison, visible_only=True), bootstrap), bootstrap),
        "camera": _camera(comparison, bootstrap),
        "as_d2e_counts": _as_d2e_counts(comparison, sums[0], bootstrap),
    }


def common_buttons(comparison: Comparison) -> list[str]:
    """The buttons that are truly pressed MIN_PRESSES times or more."""
    presses = events(comparison.true.buttons, comparison.follows)[:, 0].sum(axis=0)
    return [name for name, number in zip(BUTTONS, presses, strict=True) if number >= MIN_PRESSES]


def measure_keys(
    comparison: Comparison, bootstrap: Bootstrap, *, counts: NDArray[np.bool_] | None = None
) -> dict[str, Any]:
    """Precision, recall and F1 of each button and their mean F1, over the ticks of each button in `counts` (T, 20)."""
    known = np.broadcast_to(comparison.known[:, None], comparison.true.buttons.shape)
    counts = known if counts is None else known & counts
    true, found = comparison.true.buttons & counts, comparison.predicted.buttons & counts
    sums = bootstrap.sums(np.stack([true & found, true, found], axis=2))  # (units, 20, 3)
    presses = (events(comparison.true.buttons, comparison.follows)[:, 0] & counts).sum(axis=0)
    common, nine = np.isin(BUTTONS, common_buttons(comparison)), np.isin(BUTTONS, MACRO_BUTTONS)
    right, on, said = (sums[..., part] for part in range(3))
    columns = {
        "precision": bootstrap.estimate(lambda s: s[..., 0] / s[..., 2], sums),
        "recall": bootstrap.estimate(lambda s: s[..., 0] / s[..., 1], sums),
        "f1": bootstrap.estimate(f1, sums),
    }
    return {
        "ticks": int(counts.sum()),
        "buttons": {
            name: {
                **{column: asdict(estimates[i]) for column, estimates in columns.items()},
                "ticks_on": int(on[:, i].sum()),
                "ticks_found": int(said[:, i].sum()),
                "ticks_right": int(right[:, i].sum()),
                "presses": int(presses[i]),
            }
            for i, name in enumerate(BUTTONS)
        },
        "micro_f1": asdict(bootstrap.estimate(lambda s: f1(s.sum(axis=1))[:, None], sums)[0]),
        "macro_f1": asdict(bootstrap.estimate(lambda s: _mean(f1(s)[:, nine])[:, None], sums)[0]),
        "macro_f1_common": {
            **asdict(bootstrap.estimate(lambda s: _mean(f1(s)[:, common])[:, None], sums)[0]),
            "buttons": [name for name, often in zip(BUTTONS, common, strict=True) if often],
        },
    }


def _mean(figures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of those that are defined; NaN where none is."""
    defined = ~np.isnan(figures)
    mean: NDArray[np.float64] = np.where(defined, figures, 0.0).sum(axis=-1) / defined.sum(axis=-1)
    return mean


def _event_sums(counted: EventCounts, bootstrap: Bootstrap) -> dict[int, NDArray[np.float64]]:
    """By collar, (units, 2, 20, 3): matched, true and found."""
    return {
        collar: bootstrap.sums(np.stack([counted.matched[collar], counted.true, counted.found], axis=3))
        for collar in COLLARS
    }


def _events(sums: dict[int, NDArray[np.float64]], bootstrap: Bootstrap) -> dict[str, Any]:
    return {str(collar): _events_within(sums[collar], bootstrap) for collar in COLLARS}


def _events_within(sums: NDArray[np.float64], bootstrap: Bootstrap) -> dict[str, Any]:
    """sums: (units, 2, 20, 3)."""
    by_button = f1(sums.sum(axis=0))
    return {
        "micro": _three(bootstrap, sums.sum(axis=(1, 2))),
        "macro_f1": asdict(bootstrap.estimate(lambda s: _mean(f1(s).reshape(len(s), -1))[:, None], sums)[0]),
        **{kind: _three(bootstrap, sums[:, number].sum(axis=1)) for number, kind in enumerate(KINDS)},
        "buttons": {
            name: {
                kind: {
                    "f1": None if np.isnan(by_button[number, i]) else float(by_button[number, i]),
                    **{part: int(sums[:, number, i, j].sum()) for j, part in enumerate(("matched", "true", "found"))},
                }
                for number, kind in enumerate(KINDS)
            }
            for i, name in enumerate(BUTTONS)
        },
    }


def _three(bootstrap: Bootstrap, sums: NDArray[np.float64]) -> dict[str, Any]:
    """Precision, recall and F1 of (units, 3)."""
    estimates = bootstrap.estimate(lambda s: np.stack([s[:, 0] / s[:, 2], s[:, 0] / s[:, 1], f1(s)], axis=1), sums)
    return {name: asdict(one) for name, one in zip(("precision", "recall", "f1"), estimates, strict=True)}


def _camera(comparison: Comparison, bootstrap: Bootstrap) -> dict[str, Any]:
    """By axis and subset of ticks, the figures of `idm.turns`."""
    columns: dict[str, dict[str, dict[str, Any]]] = {axis: {} for axis in AXES}
    chosen = subsets(comparison)
    for subset in SUBSETS:
        sums = bootstrap.sums(turn_sums(comparison, chosen[subset]))  # (units, 2, 9)
        for number, axis in enumerate(AXES):
            *estimates, ticks = bootstrap.estimate(turn_figures, sums[:, number])
            columns[axis][subset] = {name: asdict(one) for name, one in zip(FIGURES[:-1], estimates, strict=True)}
            columns[axis][subset]["n"] = int(ticks.value or 0)
    return columns


def _as_d2e_counts(comparison: Comparison, exact: NDArray[np.float64], bootstrap: Bootstrap) -> dict[str, Any]:
    """The figures of D2E's evaluation (Choi et al. 2025, appendix F.2), for which a tick is a bin of 50 ms.

    Keyboard and mouse-button accuracy: of the presses and releases that are true or inferred, those that are both, in
    the same bin. Mouse: Pearson's r over the bins in which either moves, and the ratio of mean movements over all bins,
    turned over where it is below 1. `exact` (units, 2, 20, 3) are the events within a collar of 0.
    """
    moves = (comparison.true.camera != 0).any(axis=1) | (comparison.predicted.camera != 0).any(axis=1)
    moving = bootstrap.sums(turn_sums(comparison, moves & comparison.known))
    every = bootstrap.sums(turn_sums(comparison, comparison.known))
    pearson = FIGURES.index("pearson")
    either = exact[..., 1] + exact[..., 2] - exact[..., 0]  # (units, 2, 20)

    def accuracy(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        both = np.stack([exact[..., 0][..., chosen].sum(axis=(1, 2)), either[..., chosen].sum(axis=(1, 2))], axis=1)
        estimate = _one(bootstrap.estimate(lambda s: s[:, :1] / s[:, 1:], both))
        return {**asdict(estimate), "events": int(both[:, 1].sum())}

    return {
        "keyboard_accuracy": accuracy(~_MOUSE),
        "mouse_button_accuracy": accuracy(_MOUSE),
        "mouse_pearson": {
            axis: asdict(_one(bootstrap.estimate(lambda s: turn_figures(s)[:, pearson : pearson + 1], moving[:, i])))
            for i, axis in enumerate(AXES)
        },
        "mouse_scale_ratio": {
            axis: asdict(_one(bootstrap.estimate(lambda s: mean_turn_ratio(s)[:, None], every[:, i])))
            for i, axis in enumerate(AXES)
        },
    }


def _one(estimates: Sequence[Estimate]) -> Estimate:
    (estimate,) = estimates
    return estimate
