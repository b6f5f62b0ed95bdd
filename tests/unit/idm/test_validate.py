"""`idm validate`: what it prints and writes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ghostkeys
from env.actions import Actions
from idm.evaluation import evaluate
from idm.model import InverseDynamicsModel
from idm.tables import table
from tests.unit.idm.clips import make_episode


def validate(model: InverseDynamicsModel, recordings: Path, tmp_path: Path, *options: str) -> int:
    checkpoint = model.save(tmp_path / "idm")
    arguments = [
        "--checkpoint",
        str(checkpoint),
        "--data.root",
        str(recordings),
        "--data.cache",
        str(tmp_path / "cache"),
    ]
    return ghostkeys.main(["idm", "validate", *arguments, "--device", "cpu", *options])


def test_figures_and_page_are_written(
    model: InverseDynamicsModel, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, page = tmp_path / "scores.json", tmp_path / "page.html"
    assert validate(model, recordings, tmp_path, "--json", str(scores), "--page", str(page), "--windows", "1") == 0
    printed = capsys.readouterr().out
    figures = json.loads(scores.read_text())
    assert set(figures["measured"]) == {"model", "always_off", "repeat_last", "previous_tick"}
    assert figures["measured"]["previous_tick"]["events"]["1"]["micro"]["f1"]["value"] > 0.9
    assert figures["measured"]["always_off"]["events"]["2"]["micro"]["f1"]["value"] == 0.0
    assert figures["intervals"]["over"] == "blocks"
    presses = figures["measured"]["model"]["keys"]["buttons"]["attack"]["presses"]
    assert f"{presses:9,d}" in next(line for line in printed.splitlines() if line.startswith("attack"))
    assert f"{figures['baselines']['previous_tick']['macro_f1']:15.3f}" in printed
    assert page.read_text().count("<figure>") == 8


def test_less_than_one_window_is_refused(model: InverseDynamicsModel, recordings: Path, tmp_path: Path) -> None:
    assert validate(model, recordings, tmp_path, "--page", str(tmp_path / "page.html"), "--windows", "0") == 1
    assert not (tmp_path / "page.html").exists()


def test_screens_have_lines_of_their_own_where_one_was_open(model: InverseDynamicsModel) -> None:
    episode = make_episode(60, seed=0)
    assert "screen open" not in table(evaluate(model, [episode]))
    gui = np.zeros(60, bool)
    gui[10:30] = True
    evaluation = evaluate(model, [replace(episode, gui=gui)])
    lines = [line for line in table(evaluation).splitlines() if line.startswith("pitch, ")]
    assert [line.split()[-1] for line in lines if "open" in line] == ["20", "39"]


def test_play_in_which_nothing_happens_can_be_printed(model: InverseDynamicsModel) -> None:
    episode = make_episode(20, seed=0)
    quiet = replace(episode, actions=Actions.none(20))
    evaluation = evaluate(model, [quiet])
    assert evaluation.measured["always_off"]["keys"]["micro_f1"]["value"] is None
    assert "no intervals" in table(evaluation)
    json.dumps(evaluation.to_dict(), allow_nan=False)
