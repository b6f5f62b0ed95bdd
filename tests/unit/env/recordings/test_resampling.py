"""Recordings with a line and a frame 30 or 60 times a second: the same play as at 20, and never taken for it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import Recording
from env.recordings.check import check_recording
from env.recordings.keys import KEYBOARD, MOUSE_BUTTONS, KeyTable
from env.video.encoding import write_video
from env.video.frames import read_ticks
from tests.unit.env.video.clips import write_clip

SECONDS = 6
NOON = 1_649_575_088_006
HELD = np.random.default_rng(0).random((10 * SECONDS, 3)) < 0.4
"""Forward, sprint and attack in each tenth of a second."""
PIXELS = np.random.default_rng(1).integers(-40, 40, (10 * SECONDS, 2)) * 6
"""Mouse movement (y, x) in each tenth of a second."""


@pytest.fixture
def play(bars: Any, tmp_path: Path) -> Callable[..., Path]:
    """Writes the same play, `rate` lines and frames a second; frame and line i are those of i/rate s.

    The frame at t s shows the number 60 t. `shown` is the rate that the video states, `kept` the lines that are there.
    """

    def write(
        rate: int,
        *,
        shown: float | None = None,
        kept: Sequence[int] | None = None,
        clock: bool = True,
    ) -> Path:
        path = tmp_path / "play.jsonl"
        lines = []
        for number in range(rate * SECONDS):
            tenth = 10 * number // rate
            forward, sprint, attack = HELD[tenth].tolist()
            dy, dx = (PIXELS[tenth] * 10 / rate).tolist()
            keys = [KEYBOARD[name] for name, held in (("forward", forward), ("sprint", sprint)) if held]
            mouse = {"dx": dx, "dy": dy, "buttons": [MOUSE_BUTTONS["attack"]] if attack else [], "newButtons": []}
            lines.append(
                {"tick": number, "hotbar": 0, "mouse": mouse, "keyboard": {"keys": [*keys, "key.keyboard.f3"]}}
            )
            lines[-1] |= {"milli": NOON + int(1000 * number / rate)} if clock else {}
        chosen = range(len(lines)) if kept is None else kept
        rewrite(path, [lines[number] for number in chosen])
        frames = np.stack([bars.draw(60 * number // rate) for number in range(len(lines))])
        write_video(path.with_suffix(".mp4"), frames, shown or rate)
        return path

    return write


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("rate", [20, 30, 60, 120])
def test_the_same_play_at_any_rate(play: Callable[..., Path], rate: int) -> None:
    recording = Recording.open(play(rate))
    assert recording.source_rate == pytest.approx(rate, rel=1e-3)
    assert len(recording) == 20 * SECONDS
    assert recording.usable.all()
    for column, name in enumerate(("forward", "sprint", "attack")):
        assert recording.actions.button(name).tolist() == np.repeat(HELD[:, column], 2).tolist()
    assert recording.actions.buttons.sum() == 2 * HELD.sum()
    camera = recording.actions.camera.astype(np.float64)
    np.testing.assert_allclose(camera[::2] + camera[1::2], 0.15 * PIXELS, atol=1e-4)
    np.testing.assert_allclose(camera.sum(axis=0), 0.15 * PIXELS.sum(axis=0), atol=1e-3)
    if rate != 30:
        np.testing.assert_allclose(camera, np.repeat(0.15 * PIXELS / 2, 2, axis=0), atol=1e-5)
    assert recording.unmapped == {"key.keyboard.f3": 20 * SECONDS}


@pytest.mark.parametrize("rate", [30, 60])
def test_ticks_show_the_frames_that_labels_do(play: Callable[..., Path], bars: Any, rate: int) -> None:
    recording = Recording.open(play(rate))
    labelled = list(read_ticks(recording.video))
    assert recording.frame_numbers.tolist() == recording.rows.tolist() == [tick.frame for tick in labelled]
    assert recording.times.tolist() == [tick.seconds for tick in labelled]
    assert recording.frame_numbers[:6].tolist() == {30: [0, 2, 3, 5, 6, 8], 60: [0, 3, 6, 9, 12, 15]}[rate]
    shown = [bars.read(frame) for frame in recording.frames()]
    assert shown == [60 * number // rate for number in recording.frame_numbers]
    assert len(recording.gui) == len(labelled)


def test_pictures_that_are_held(play: Callable[..., Path], bars: Any) -> None:
    """A game's own 20 pictures a second, each three frames long and not where twentieths begin: no press smears."""
    path = play(60)
    lines, late = lines_of(path), 1
    for number, line in enumerate(lines):
        tick = (number - late) // 3
        line["keyboard"]["keys"] = ["key.keyboard.w"] if tick % 2 else []
        line["mouse"] |= {"dx": 10.0 * (tick % 5), "dy": 0.0}
    rewrite(path, lines)
    write_video(path.with_suffix(".mp4"), np.stack([bars.draw((n - late) // 3 + 1) for n in range(360)]), 60)
    recording = Recording.open(path)
    ticks = [bars.read(frame) - 1 for frame in recording.frames()]
    assert ticks[1:] == [*range(ticks[1], ticks[1] + len(ticks) - 1)]
    assert recording.frame_numbers.tolist() == [tick.frame for tick in read_ticks(recording.video)]
    inner = slice(1, -1)
    assert recording.actions.button("forward").tolist()[inner] == [bool(tick % 2) for tick in ticks][inner]
    np.testing.assert_allclose(
        recording.actions.camera[inner, 1], [4.5 * (tick % 5) for tick in ticks][inner], atol=1e-4
    )


def test_a_tick_does_what_its_lines_do(play: Callable[..., Path]) -> None:
    """A press for one line is a press; GUI and cursor are those of the frame that is shown."""
    path = play(60)
    lines = lines_of(path)
    lines[31]["keyboard"]["keys"] = ["key.keyboard.q"]
    lines[35]["hotbar"], lines[36]["hotbar"] = 0, 3
    for number in (42, 43, 47):
        lines[number] |= {"isGuiOpen": True}
        lines[number]["mouse"] |= {"x": 10.0 + number, "y": 20.0}
    lines[53]["mouse"]["dx"] = 1e5
    lines[65]["keyboard"] = None
    rewrite(path, lines)
    recording = Recording.open(path)
    assert np.flatnonzero(recording.actions.button("drop")).tolist() == [10]
    assert np.flatnonzero(recording.actions.button("hotbar.4")).tolist() == [12]
    assert np.flatnonzero(recording.gui).tolist() == [14]
    assert recording._cursor[14].tolist() == [52.0, 20.0]
    assert np.flatnonzero(~recording.usable).tolist() == [17, 21]


def test_more_than_half_a_circle_in_a_tick_is_not_used(play: Callable[..., Path]) -> None:
    path = play(60)
    lines = lines_of(path)
    for number in (30, 31, 36):
        lines[number]["mouse"]["dx"] = 1000.0
    rewrite(path, lines)
    assert np.flatnonzero(~Recording.open(path).usable).tolist() == [10]


@pytest.mark.parametrize("counted", [True, False])
def test_lines_that_are_missing(play: Callable[..., Path], counted: bool) -> None:
    """By count or clock: a tick with a line too few is not used, one without a line at its frame is left out."""
    path = play(60, kept=[number for number in range(360) if number not in (31, 60, 120, 121, 122)])
    if not counted:
        rewrite(path, [line | {"tick": None} for line in lines_of(path)])
    recording = Recording.open(path)
    ticks = [tick for tick in range(120) if tick not in (20, 40)]
    assert (recording.frame_numbers // 3).tolist() == ticks
    assert [ticks[place] for place in np.flatnonzero(~recording.usable)] == [10, 19, 39]
    assert recording.actions.button("forward").tolist() == np.repeat(HELD[:, 0], 2)[ticks].tolist()
    assert recording.rows.tolist() != recording.frame_numbers.tolist()


def test_a_count_of_the_games_ticks_is_none_of_lines(play: Callable[..., Path]) -> None:
    """A game that steps 20 times a second, whose recorder writes three lines a step."""
    path = play(60)
    rewrite(path, [line | {"tick": number // 3} for number, line in enumerate(lines_of(path))])
    recording = Recording.open(path)
    assert recording.usable.tolist() == [True] * 120
    assert recording.actions.button("sprint").tolist() == np.repeat(HELD[:, 1], 2).tolist()


def test_a_video_that_leaps(play: Callable[..., Path], bars: Any) -> None:
    """What follows two seconds without a frame is not the result of the action before."""
    path = play(60)
    lines = lines_of(path)
    for number, line in enumerate(lines):
        line["milli"] = NOON + int(1000 * number / 60) + 2000 * (number >= 150)
    rewrite(path, lines)
    stamps = [number + 120 * (number >= 150) for number in range(360)]
    write_clip(path.with_suffix(".mp4"), map(bars.draw, stamps), [Fraction(stamp, 60) for stamp in stamps], rate=60)
    recording = Recording.open(path)
    labelled = list(read_ticks(recording.video))
    assert recording.frame_numbers.tolist() == [tick.frame for tick in labelled]
    (gap,) = (place for place, tick in enumerate(labelled) if tick.gap)
    assert np.flatnonzero(~recording.usable).tolist() == [gap]
    total = 0.15 * PIXELS.sum(axis=0)
    np.testing.assert_allclose(recording.actions.camera.astype(np.float64).sum(axis=0), total, atol=1e-3)


def test_a_slow_recording_turns_once(play: Callable[..., Path]) -> None:
    """Each of ten frames a second is shown by two ticks: keys are held in both, the view turns in the second."""
    recording = Recording.open(play(10))
    assert recording.source_rate == 10
    assert recording.frame_numbers.tolist() == np.repeat(np.arange(60), 2).tolist()
    assert recording.actions.button("attack").tolist() == np.repeat(HELD[:, 2], 2).tolist()
    np.testing.assert_allclose(recording.actions.camera[1::2], 0.15 * PIXELS, atol=1e-4)
    assert not recording.actions.camera[::2].any()


GAME = KeyTable(keys={"key.keyboard.w": "forward", "mouse.0": "attack"})


@pytest.mark.parametrize("shown", [20, 30, 60])
def test_a_key_table_states_the_rate(play: Callable[..., Path], shown: int) -> None:
    """Without a clock, and whatever the video's time stamps say."""
    recording = Recording.open(play(60, shown=shown, clock=False), keys=replace(GAME, ticks_per_second=60))
    assert (len(recording), recording.source_rate) == (120, 60)
    assert recording.frame_numbers.tolist() == [*range(0, 360, 3)]
    np.testing.assert_allclose(recording.times, np.arange(120) / 20, atol=1e-6)
    assert recording.actions.button("forward").tolist() == np.repeat(HELD[:, 0], 2).tolist()
    assert recording.unmapped == {
        "key.keyboard.f3": 120,
        "key.keyboard.left.control": 2 * int(HELD[:, 1].sum()),
    }


def test_a_key_table_without_a_rate_leaves_it_to_the_recording(play: Callable[..., Path]) -> None:
    assert len(Recording.open(play(30), keys=GAME)) == 120


@pytest.mark.parametrize("stated", [20, 30, 120])
def test_a_key_table_that_the_recording_contradicts(
    play: Callable[..., Path], stated: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = play(60)
    keys = replace(GAME, ticks_per_second=stated)
    assert not Recording.open(path, keys=keys).usable.any()
    reason = f"agree on 60 lines a second, and the key table says {stated}: actions may be shifted"
    assert reason in caplog.text
    assert any(reason in fault for fault in check_recording(path, keys=keys).faults)


@pytest.mark.parametrize(("shown", "clock"), [(30, False), (60, False), (30, True)])
def test_a_frame_a_tick_in_a_video_of_another_rate(play: Callable[..., Path], shown: int, clock: bool) -> None:
    """As VPT's: the recorder's clock says 20, or there is none, and a container's rate alone is not trusted."""
    path = play(20, shown=shown, clock=clock)
    recording = Recording.open(path)
    assert (recording.source_rate, recording.usable.tolist()) == (20, [True] * 120)
    assert recording.frame_numbers.tolist() == [*range(120)]
    (told,) = check_recording(path).mended
    assert told == f"the video says {shown} frames a second; each is taken for a tick of 1/20 s"


def test_a_clock_that_the_video_contradicts_is_told(play: Callable[..., Path]) -> None:
    """A game that ran faster than real time, one line and frame a tick."""
    path = play(60, shown=20)
    assert Recording.open(path).frame_numbers.tolist() == [*range(360)]
    assert check_recording(path).mended == (
        "`milli` tells of 60 lines a second, the video of 20 frames: each line is taken for a tick, "
        "unless a key table says otherwise",
    )


def test_the_check_tells_that_it_resampled(play: Callable[..., Path]) -> None:
    checked = check_recording(play(60))
    assert (checked.verdict, len(checked.actions)) == ("good", 120)
    assert checked.notes == ("60 lines a second are resampled to 20 ticks",)


def test_ticks_without_any_input_can_be_left_out(play: Callable[..., Path]) -> None:
    recording, everything = (Recording.open(play(60), drop_null=drop) for drop in (True, False))
    busy = everything.actions.buttons.any(axis=1) | everything.actions.camera.any(axis=1)
    assert recording.frame_numbers.tolist() == everything.frame_numbers[busy].tolist()
    assert recording.times.tolist() == everything.times[busy].tolist()
    assert recording.rows.tolist() == everything.rows[busy].tolist()


def test_openais_loader_takes_every_line_for_a_tick(play: Callable[..., Path]) -> None:
    assert Recording.open(play(60), compat="openai", drop_null=False).rows.tolist() == [*range(360)]
