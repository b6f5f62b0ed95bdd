"""The page of the worst windows."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from env.actions import Actions
from env.errors import GhostkeysError
from env.recordings.recording import find_recordings
from idm.evaluation import compare, evaluate
from idm.model import InverseDynamicsModel
from idm.strips import APART, TICKS, check_template_engine, worst_windows, write_page
from learning.data import load_episodes
from tests.unit.idm.clips import SIZE


def test_the_worst_windows_come_first_and_apart() -> None:
    loss, other = np.zeros(200), np.zeros(60)
    loss[100:108], loss[110:118], loss[20:28] = 5.0, 4.0, 2.0
    other[30:38] = 3.0
    found = worst_windows([loss, other], 3)
    assert [(window.recording, window.start) for window in found] == [(0, 100), (1, 30), (0, 20)]
    assert [window.loss for window in found] == pytest.approx([5.0, 3.0, 2.0])
    assert all(window.stop - window.start == TICKS for window in found)


def test_ticks_without_truth_are_no_mistakes_and_few_others_no_window() -> None:
    loss = np.full(APART, np.nan)
    assert worst_windows([loss], 3) == []
    loss[0] = 9.0
    assert worst_windows([loss], 3) == []
    loss[:4] = 9.0
    assert worst_windows([loss], 3)[0].start == 0


def test_a_recording_shorter_than_a_window_is_shown_whole() -> None:
    assert [(window.start, window.stop) for window in worst_windows([np.ones(3)], 5)] == [(0, 3)]


def test_the_page_holds_every_frame(model: InverseDynamicsModel, recordings: Path, tmp_path: Path) -> None:
    episodes = load_episodes(recordings, size=SIZE)
    write_page(tmp_path / "page.html", evaluate(model, episodes), episodes, find_recordings(recordings), count=2)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(pictures) == 2 * TICKS
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0]), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (320 + 2 * 62, 320, 3)
    assert "one tick late" in page
    assert not re.search(r'(src|href)="https?:', page)


def test_wrong_keys_are_named(model: InverseDynamicsModel, recordings: Path, tmp_path: Path) -> None:
    """All keys inferred where none was pressed, and the other way round."""
    episodes = load_episodes(recordings, size=SIZE)
    found = evaluate(model, episodes).predictions
    for prediction in found:
        prediction.actions.buttons[:] = False
        prediction.actions.buttons[:, 2] = True
    write_page(tmp_path / "page.html", compare(found, episodes), episodes, find_recordings(recordings), count=1)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "not pressed <b>forward</b>" in page
    assert "not pressed <b>attack" not in page


def test_absurd_truth_in_an_unusable_tick_is_not_drawn(
    model: InverseDynamicsModel, recordings: Path, tmp_path: Path
) -> None:
    episodes = load_episodes(recordings, size=SIZE)[:1]
    usable, camera = episodes[0].usable.copy(), episodes[0].actions.camera.copy()
    usable[1::4], camera[1::4] = False, np.nan
    doubtful = [replace(episodes[0], usable=usable, actions=Actions(episodes[0].actions.buttons, camera))]
    write_page(tmp_path / "page.html", evaluate(model, doubtful), doubtful, find_recordings(recordings), count=1)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("no truth: not scored") == 2
    assert "nan" not in re.sub(r'src="[^"]+"', "", page)


def test_names_in_the_page_are_escaped(model: InverseDynamicsModel, recordings: Path, tmp_path: Path) -> None:
    episodes = load_episodes(recordings, size=SIZE)
    named = [replace(episode, name="<script>alert(1)</script>") for episode in episodes]
    write_page(tmp_path / "page.html", evaluate(model, named), named, find_recordings(recordings), count=1)
    assert "<script>" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_without_jinja_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(GhostkeysError, match=r"ghostkeys\[report\]"):
        check_template_engine()
