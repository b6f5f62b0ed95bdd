"""Charts and clips of the demo's report, each ready to stand in a page: SVG text or a data URL."""

import base64
import io
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from env import Actions, Recording
from env.video.frames import VideoWriter
from env.video.overlay import BACKGROUND, draw_controls

ACCENT, GREY, INK = "#2fae72", "#9aa1ac", "#7a828e"
PALETTE = (ACCENT, "#4f83cc", "#d9903d", "#9b6bc4", GREY)

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]


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


def busiest_span(actions: Actions, ticks: int) -> int:
    """Where the most different things happen: the start of the span of `ticks` with the most changes of keys."""
    changes = np.concatenate([[0], (actions.buttons[1:] != actions.buttons[:-1]).sum(axis=1)])
    sums = np.convolve(changes, np.ones(ticks), mode="valid") if len(changes) > ticks else np.zeros(1)
    return int(sums.argmax())


def film_strip(rows: Sequence[tuple[str, NDArray[np.uint8]]], *, every: int = 1, scale: int = 2) -> str:
    """Rows of frames, each (T, H, W, 3), one above the other with a caption; a PNG data URL."""
    margin, gap = 64, 3
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


def _svg(figure: Figure) -> str:
    with io.StringIO() as text:
        figure.savefig(text, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
        content = text.getvalue()
    return content[content.index("<svg") :]


def _axes(width: float, height: float, *, columns: int = 1) -> tuple[Figure, list[Axes]]:
    with matplotlib.rc_context(
        {
            "font.family": "sans-serif",
            "font.size": 10,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": GREY,
        }
    ):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = [figure.add_subplot(1, columns, index + 1) for index in range(columns)]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(colors=INK)
        axis.grid(alpha=0.25, linewidth=0.6)
    return figure, axes


def line_chart(curves: Curves, *, x: str, y: str, log: bool = False, markers: bool = False) -> str:
    """Curves by name, each (xs, ys), in one chart."""
    figure, (axis,) = _axes(5.2, 3.1)
    for colour, (name, (xs, ys)) in zip(PALETTE, curves.items(), strict=False):
        axis.plot(xs, ys, color=colour, linewidth=1.8, label=name, marker="o" if markers else None, markersize=4)
    axis.set(xlabel=x, ylabel=y, yscale="log" if log else "linear")
    if len(curves) > 1:
        axis.legend(frameon=False, labelcolor=INK, fontsize=9)
    return _svg(figure)


def camera_scatter(inferred: NDArray[np.float32], true: NDArray[np.float32], *, most: int = 3000) -> str:
    """Inferred against true mouse movement, (T, 2) degrees each, a dot a tick."""
    figure, axes = _axes(5.2, 2.8, columns=2)
    chosen = np.random.default_rng(0).permutation(len(true))[:most]
    for column, (axis, name) in enumerate(zip(axes, ("pitch", "yaw"), strict=True)):
        limit = 12.0
        axis.plot([-limit, limit], [-limit, limit], color=GREY, linewidth=0.8)
        axis.scatter(
            true[chosen, column], inferred[chosen, column], s=4, color=ACCENT, alpha=0.25, linewidths=0, rasterized=True
        )
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel=f"true {name} (degrees a tick)", aspect="equal")
    axes[0].set_ylabel("inferred")
    return _svg(figure)
