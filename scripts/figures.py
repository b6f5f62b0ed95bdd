"""Charts and clips of the demo's report, each ready to stand in a page: SVG text or a data URL."""

import base64
import html
import io
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from env import Recording
from env.video.encoding import VideoWriter
from env.video.overlay import BACKGROUND, draw_controls

ACCENT, GREY, INK = "#2fae72", "#9aa1ac", "#7a828e"
PALETTE = (ACCENT, "#4f83cc", "#d9903d", GREY)
THEME = {ACCENT: "--one", "#4f83cc": "--two", "#d9903d": "--three", GREY: "--grey", INK: "--soft"}
"""The page's CSS variable that stands in for each colour, so that charts follow its light and its dark theme."""

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "svg.fonttype": "none",
}
"""Matplotlib's settings for every chart; text stays text."""


@dataclass(frozen=True)
class Curve:
    """A line of a chart."""

    xs: Sequence[float]
    ys: Sequence[float]
    colour: int = 0
    """Place in `PALETTE`."""
    dots: bool = False
    """A thick line with its points marked, rather than a thin one."""


@dataclass(frozen=True)
class Interval:
    """A rate with its interval, all in [0, 1], and the rates of the single seeds it was pooled from."""

    name: str
    rate: float
    low: float
    high: float
    seeds: Sequence[float]
    colour: int = 0


def data_url(content: bytes, kind: str) -> str:
    """Bytes as a URL that needs no file beside the page."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def png(image: NDArray[np.uint8]) -> str:
    """An RGB image as a data URL."""
    done, content = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise RuntimeError("OpenCV could not encode a PNG")
    return data_url(content.tobytes(), "image/png")


def mp4(frames: Iterable[NDArray[np.uint8]], *, fps: int = 20) -> str:
    """RGB frames as an H.264 data URL, small enough for a page."""
    frames = iter(frames)
    first = next(frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with VideoWriter(path, size=first.shape[:2], fps=fps, crf=28) as writer:
            writer.write(first)
            for frame in frames:
                writer.write(frame)
        return data_url(path.read_bytes(), "video/mp4")


def labelled_clip(
    labels: Recording, truth: Recording, *, start: int, ticks: int, width: int = 640
) -> Iterable[NDArray[np.uint8]]:
    """Frames of a labelled video with the inferred keys and mouse beneath, and the true ones beneath those."""
    height = width * 9 // 16
    for tick, frame in enumerate(islice(labels.iter_frames(), start, start + ticks), start):
        inferred, true = labels.actions, truth.actions
        picture = cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC)
        strips = (
            draw_controls(
                inferred.buttons[tick], inferred.camera[tick], width=width, title="inferred", truth=true.buttons[tick]
            ),
            draw_controls(true.buttons[tick], true.camera[tick], width=width, title="true"),
        )
        yield np.concatenate([picture, *strips])


def busiest_span(buttons: NDArray[np.bool_], ticks: int) -> int:
    """The start of the span of `ticks` in which keys (T, 20) change most often."""
    changes = np.concatenate([[0], (buttons[1:] != buttons[:-1]).sum(axis=1)])
    sums = np.convolve(changes, np.ones(ticks), mode="valid") if len(changes) > ticks else np.zeros(1)
    return int(sums.argmax())


def film_strip(rows: Sequence[tuple[str, NDArray[np.uint8]]], *, every: int = 1, scale: int = 2) -> str:
    """Rows of frames, each (T, H, W, 3), one above the other with a caption; a PNG data URL."""
    margin, gap = 80, 3
    lines = []
    for caption, frames in rows:
        shown = [
            cv2.resize(frame, (frame.shape[1] * scale, frame.shape[0] * scale), interpolation=cv2.INTER_NEAREST)
            for frame in frames[::every]
        ]
        side = np.full((shown[0].shape[0], margin, 3), BACKGROUND, np.uint8)
        cv2.putText(
            side, caption, (6, side.shape[0] // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (170, 178, 190), 1, cv2.LINE_AA
        )
        space = np.full((shown[0].shape[0], gap, 3), BACKGROUND, np.uint8)
        lines.append(np.concatenate([side, *(part for frame in shown for part in (frame, space))], axis=1))
        lines.append(np.full((gap, lines[-1].shape[1], 3), BACKGROUND, np.uint8))
    return png(np.concatenate(lines))


def _svg(figure: Figure, title: str) -> str:
    """The figure as SVG text in the page's colours and font, with a title that tells what it shows."""
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with io.StringIO() as text, matplotlib.rc_context(STYLE):
        figure.savefig(text, format="svg", transparent=True, bbox_inches="tight", metadata=nothing)
        content = text.getvalue()
    content = content[content.index("<svg") :]
    for colour, variable in THEME.items():
        content = content.replace(colour, f"var({variable})")
    # Several charts stand in one page, where an id may occur once.
    prefix = re.sub(r"\W+", "-", title.split(":")[0].lower())
    content = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", content)
    said = html.escape(title)
    head, rest = content.split(">", 1)
    return f'{head} role="img" aria-label="{said}"><title>{said}</title>{rest}'


def _axes(width: float, height: float, *, columns: int = 1) -> tuple[Figure, list[Axes]]:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = [figure.add_subplot(1, columns, index + 1) for index in range(columns)]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(which="both", colors=INK)
        axis.grid(alpha=0.25, linewidth=0.6)
    return figure, axes


def line_chart(curves: Mapping[str, Curve], *, title: str, x: str, y: str, log: bool = False) -> str:
    """Curves by name in one chart, as SVG."""
    figure, (axis,) = _axes(4.8, 3.1)
    for name, curve in curves.items():
        style: dict[str, Any] = (
            {"linewidth": 2.0, "marker": "o", "markersize": 4} if curve.dots else {"linewidth": 1.1, "alpha": 0.8}
        )
        axis.plot(curve.xs, curve.ys, color=PALETTE[curve.colour], label=name, **style)
    axis.set(xlabel=x, ylabel=y, yscale="log" if log else "linear")
    if len(curves) > 1:
        axis.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=len(curves),
            frameon=False,
            labelcolor=INK,
            fontsize=10,
            borderaxespad=0.2,
            columnspacing=1.2,
            handlelength=1.4,
        )
    last = ", ".join(f"{name} {curve.ys[-1]:.3g}" for name, curve in curves.items())
    return _svg(figure, f"{title}: {y} by {x}; at the end {last}")


def interval_chart(intervals: Sequence[Interval], *, title: str, x: str) -> str:
    """A row for each rate, with its interval as a line and single seeds, where there are several, as small rings."""
    figure, (axis,) = _axes(6.4, 0.5 + 0.42 * len(intervals))
    for row, interval in enumerate(intervals):
        colour = PALETTE[interval.colour]
        axis.plot([100 * interval.low, 100 * interval.high], [row, row], color=colour, linewidth=3)
        axis.plot([100 * interval.rate], [row], color=colour, marker="o", markersize=9)
        if len(interval.seeds) > 1:
            seeds = [100 * rate for rate in interval.seeds]
            axis.plot(
                seeds, [row + 0.28] * len(seeds), linestyle="", color=colour, marker="o", markersize=4, mfc="none"
            )
    axis.set(xlim=(-2, 102), ylim=(len(intervals) - 0.5, -0.5), xlabel=x)
    axis.set_yticks(range(len(intervals)), [interval.name for interval in intervals])
    said = ", ".join(f"{each.name} {each.rate:.0%} ({each.low:.0%} to {each.high:.0%})" for each in intervals)
    return _svg(figure, f"{title}: {said}")


def camera_scatter(inferred: NDArray[np.float32], true: NDArray[np.float32], *, title: str, most: int = 3000) -> str:
    """Inferred against true mouse movement, (T, 2) degrees each, a dot a tick; as SVG."""
    figure, axes = _axes(4.8, 2.7, columns=2)
    chosen = np.random.default_rng(0).permutation(len(true))[:most]
    limit = 12.0
    for column, (axis, name) in enumerate(zip(axes, ("pitch", "yaw"), strict=True)):
        axis.plot([-limit, limit], [-limit, limit], color=GREY, linewidth=0.8)
        axis.scatter(
            true[chosen, column], inferred[chosen, column], s=4, color=ACCENT, alpha=0.25, linewidths=0, rasterized=True
        )
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel=f"true {name} (°/tick)", aspect="equal")
    axes[0].set_ylabel("inferred (°/tick)")
    return _svg(figure, f"{title}: inferred against true pitch and yaw, {len(chosen):,} ticks")
