"""One page of the windows of play that a model got most wrong: the frames, with true and inferred keys and mouse."""

import base64
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from env.actions import BUTTONS, Actions
from env.errors import GhostkeysError
from env.files import atomic_path
from env.recordings.recording import Recording
from env.video.overlay import draw_controls
from env.video.ticks import TICKS_PER_SECOND
from idm.evaluation import Evaluation, comparable, usable_actions
from idm.reliability import tick_losses
from idm.tables import TITLES
from learning.data import Episode

TICKS = 8
"""Ticks of a window."""
APART = 40
"""Windows of one recording begin at least so many ticks apart, so that one bad moment does not fill the page."""
PICTURE_WIDTH = 320
JPEG_QUALITY = 80


@dataclass(frozen=True)
class WorstWindow:
    """TICKS ticks of a recording, or all if it is shorter, and the mean loss of those that have a truth."""

    recording: int
    start: int
    stop: int
    loss: float


def worst_windows(losses: Sequence[NDArray[np.float64]], count: int, *, ticks: int = TICKS) -> list[WorstWindow]:
    """The `count` windows of the largest mean loss, worst first, at least APART ticks apart within a recording.

    `losses` (T,) of each recording are NaN where there is no truth; a window has one in half of its ticks or more.
    """
    found = []
    for recording, loss in enumerate(losses):
        length = min(ticks, len(loss))
        known = np.isfinite(loss)
        sums, counts = (_windowed(part, length) for part in (np.where(known, loss, 0.0), known.astype(np.float64)))
        means = np.where(2 * counts >= length, sums / np.maximum(counts, 1.0), -np.inf)
        while np.isfinite(means).any() and len(means):
            start = int(np.argmax(means))
            found.append(WorstWindow(recording, start, start + length, float(means[start])))
            means[max(0, start - APART + 1) : start + APART] = -np.inf
    return sorted(found, key=lambda window: -window.loss)[:count]


def check_template_engine() -> None:
    """Raises `GhostkeysError` where Jinja is not installed, without which no page can be written."""
    if importlib.util.find_spec("jinja2") is None:
        raise GhostkeysError(
            "the page of the worst windows needs Jinja, which is not installed; "
            'install ghostkeys with its extra: pip install "ghostkeys[report]".'
        )


def write_page(
    path: Path, evaluation: Evaluation, episodes: Sequence[Episode], recordings: Sequence[Path], *, count: int
) -> None:
    """Writes the page of the `count` worst windows to `path`; everything is in the one file.

    `recordings` are the action files of `episodes`, whose videos have the full frames. Raises `GhostkeysError` without
    the extra `report`.
    """
    check_template_engine()
    import jinja2

    losses = [
        np.where(comparable(episode), tick_losses(prediction, usable_actions(episode)), np.nan)
        for prediction, episode in zip(evaluation.predictions, episodes, strict=True)
    ]
    windows = worst_windows(losses, count)
    strips = [
        _strip(
            window, episodes[window.recording], recordings[window.recording],
            evaluation.predictions[window.recording].actions, losses[window.recording],
        )
        for window in tqdm(windows, desc="drawing the page", unit="window")
    ]  # fmt: skip
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        Path(__file__).with_name("strips.html.j2").read_text(encoding="utf-8")
    )
    page = template.render(
        strips=strips,
        ticks=evaluation.model.ticks,
        recordings=evaluation.recordings,
        mean_loss=float(np.nanmean(np.concatenate(losses))),
        summary=_summary(evaluation),
        note=evaluation.bootstrap.note(),
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _windowed(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Sums of `length` values in a row, (T - length + 1,)."""
    total = np.concatenate([[0.0], values.cumsum()])
    return np.asarray(total[length:] - total[: len(total) - length])


def _strip(
    window: WorstWindow, episode: Episode, path: Path, found: Actions, losses: NDArray[np.float64]
) -> dict[str, Any]:
    ticks = slice(window.start, window.stop)
    offset = episode.start
    frames = Recording.open(path).frames(offset + window.start, offset + window.stop)
    return {
        "name": episode.name,
        "first": offset + window.start,
        "seconds": (offset + window.start) / TICKS_PER_SECOND,
        "loss": window.loss,
        "ticks": [
            {
                "number": offset + window.start + number,
                "picture": _picture(frame, true, inferred),
                "known": bool(np.isfinite(loss)),
                "loss": float(loss),
                "missed": _names(true.buttons[0] & ~inferred.buttons[0]),
                "invented": _names(inferred.buttons[0] & ~true.buttons[0]),
                "true_turn": _turn(true),
                "inferred_turn": _turn(inferred),
            }
            for number, (frame, true, inferred, loss) in enumerate(
                zip(frames, _each(usable_actions(episode)[ticks]), _each(found[ticks]), losses[ticks], strict=True)
            )
        ],
    }


def _each(actions: Actions) -> list[Actions]:
    return [actions[tick : tick + 1] for tick in range(len(actions))]


def _names(pressed: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, held in zip(BUTTONS, pressed, strict=True) if held)


def _turn(action: Actions) -> str:
    pitch, yaw = action.camera[0]
    return f"{pitch:+z.1f}° {yaw:+z.1f}°"


def _picture(frame: NDArray[np.uint8], true: Actions, inferred: Actions) -> str:
    """The frame, and below it the true and the inferred keys and mouse, as a data URL."""
    height, width = frame.shape[:2]
    shrinks = width > PICTURE_WIDTH
    size = (PICTURE_WIDTH, round(height * PICTURE_WIDTH / width))
    shown = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
    panels = (
        draw_controls(true.buttons[0], true.camera[0], width=PICTURE_WIDTH, title="true"),
        draw_controls(
            inferred.buttons[0], inferred.camera[0], width=PICTURE_WIDTH, title="inferred", truth=true.buttons[0]
        ),
    )
    whole = np.concatenate([shown, *panels])
    written, data = cv2.imencode(".jpg", whole[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not written:
        raise RuntimeError("OpenCV did not write a JPEG picture")
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def _summary(evaluation: Evaluation) -> list[dict[str, str]]:
    """The main figures of the model and of each baseline, as text."""
    columns = {"model": evaluation.model, **evaluation.baselines}
    return [
        {
            "name": TITLES[name],
            "macro_f1": f"{scores.macro_f1:.2f}",
            "events": _text(evaluation.measured[name]["events"]["1"]["micro"]["f1"]["value"]),
            "pitch": f"{scores.camera_r2['pitch']:z.2f}",
            "yaw": f"{scores.camera_r2['yaw']:z.2f}",
        }
        for name, scores in columns.items()
    ]


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
