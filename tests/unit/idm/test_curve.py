"""`idm curve`: each amount of play is part of the next, and what is done is not done again."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from env.errors import GhostkeysError
from ghostkeys import main
from idm.curve import BOTH, FIGURES, Curve, Model, Point
from idm.curve_table import table
from idm.extrapolation import extrapolate
from idm.labelled_play import LabelledPlay, between, first_minutes
from idm.module import IDMModule
from learning.checkpoint import read_metadata
from learning.data import EpisodeSet
from tests.unit.idm.clips import SIZE, make_episode, write_recordings

NETWORK = {
    "frame_size": list(SIZE),
    "window": 16,
    "motion": [{"size": [32, 32], "radius": [2, 2], "grid": [2, 2]}],
    "appearance": "none",
    "motion_outputs": 8,
    "width": 16,
    "temporal_depth": 1,
}
MINUTE = 1200
"""Ticks of one."""


@pytest.fixture(scope="module")
def heldout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of another session than those of `recordings`."""
    folder = write_recordings(tmp_path_factory.mktemp("heldout"), 1)
    for path in folder.glob("noise-0.*"):
        path.rename(path.with_name(f"other-0{path.suffix}"))
    return folder


@pytest.fixture
def play(recordings: Path, tmp_path: Path) -> LabelledPlay:
    return LabelledPlay(recordings, size=SIZE, cache=tmp_path / "cache")


Command = Callable[..., int]


@pytest.fixture
def curve(recordings: Path, heldout: Path, tmp_path: Path) -> Command:
    """Runs the command into a folder of that name; returns the exit status."""
    config = tmp_path / "small.yaml"
    data = {"batch_size": 2, "root": str(recordings), "cache": str(tmp_path / "cache"), "validation_share": 0.2}
    trainer = {"max_steps": 3, "accelerator": "cpu"}
    config.write_text(yaml.safe_dump({"model": {"network": NETWORK}, "data": data, "trainer": trainer}))

    def start(*more: str, output: str = "curve", minutes: str = "0.02,0.04,0.08") -> int:
        words = ["--config", str(config), "--heldout", str(heldout), "--minutes", minutes]
        return main(["idm", "curve", *words, "--output", str(tmp_path / output), *more])

    return start


def frames_of(episodes: EpisodeSet) -> NDArray[np.uint8]:
    """All frames, one after the other."""
    return np.concatenate([np.asarray(episode.frames) for episode in episodes])


def points(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "curve.json").read_text())["points"]
    return found


def test_each_amount_of_play_is_the_beginning_of_the_next(play: LabelledPlay) -> None:
    amounts = [frames_of(play.first(ticks / MINUTE, seed=1)) for ticks in (30, 70, 144)]
    assert [len(frames) for frames in amounts] == [30, 70, 144]
    assert np.array_equal(amounts[1][:30], amounts[0])
    assert np.array_equal(amounts[2][:70], amounts[1])


def test_a_seed_orders_the_recordings_whichever_others_there_are(
    play: LabelledPlay, recordings: Path, tmp_path: Path
) -> None:
    orders = [[play.paths[number].name for number in play.order(seed)] for seed in range(6)]
    assert len({tuple(order) for order in orders}) > 1
    fewer = shutil.copytree(recordings, tmp_path / "fewer", ignore=shutil.ignore_patterns("noise-1.*"))
    left = LabelledPlay(fewer, size=SIZE)
    for seed, order in enumerate(orders):
        assert [left.paths[number].name for number in left.order(seed)] == [n for n in order if "noise-1" not in n]


def test_what_cannot_be_read_is_no_play(recordings: Path, tmp_path: Path) -> None:
    """Others take its place; where there are none, the error says how much there is."""
    folder = shutil.copytree(recordings, tmp_path / "damaged")
    play = LabelledPlay(folder, size=SIZE, cache=tmp_path / "cache")
    first = play.paths[play.order(0)[0]]
    first.write_text("no recording\n")
    assert play.first(60 / MINUTE, seed=0).ticks == 60
    with pytest.raises(GhostkeysError, match=r"damaged has 0\.1 minutes of play that can be read; 0\.1 were asked for"):
        play.first(120 / MINUTE, seed=0)


def test_the_end_of_the_minutes_is_for_the_calibration(play: LabelledPlay, recordings: Path) -> None:
    data = first_minutes(play, 100 / MINUTE)(str(recordings), size=SIZE, window=16, validation_share=0.2, seed=3)
    data.setup("fit")
    whole = play.first(100 / MINUTE, seed=3)
    assert data.episodes is not None
    assert (data.episodes.ticks, data.validation.ticks) == (80, 20)
    together = [frames_of(data.episodes), frames_of(data.validation)]
    assert np.array_equal(np.concatenate(together), frames_of(whole))


def test_ticks_between_two_places_of_several_episodes() -> None:
    episodes = [make_episode(length, seed=length) for length in (10, 20, 30)]
    parts = between(episodes, 5, 31)
    assert [(part.name, part.start, len(part)) for part in parts] == [
        ("noise-10", 5, 5), ("noise-20", 0, 20), ("noise-30", 0, 1)
    ]  # fmt: skip


def test_points_on_a_power_law_are_followed_exactly() -> None:
    minutes = [5.0, 10.0, 20.0] * 2
    found = extrapolate(minutes, [1 - 0.8 * m**-0.5 for m in minutes], now=20.0, more=20.0)
    assert found is not None
    assert (found.minutes, found.a, found.b) == pytest.approx((40.0, 0.8, 0.5))
    for told, true in ((found.value, 1 - 0.8 * 40**-0.5), (found.gain, 0.8 * (20**-0.5 - 40**-0.5))):
        assert (told.value, told.low, told.high) == pytest.approx((true, true, true))


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of three seeds at four amounts of play, with errors that scatter by a tenth: nine times of ten, nearly."""
    rng = np.random.default_rng(0)
    minutes = [5.0, 10.0, 20.0, 40.0] * 3
    holds = []
    for _ in range(100):
        figures = [1 - 0.8 * m**-0.5 * np.exp(0.1 * rng.normal()) for m in minutes]
        found = extrapolate(minutes, figures, now=40.0, more=20.0)
        assert found is not None
        assert found.value.low is not None
        assert found.value.high is not None
        holds.append(found.value.low <= 1 - 0.8 * 60**-0.5 <= found.value.high)
    assert 0.85 <= np.mean(holds) <= 0.99


def test_two_amounts_of_play_tell_nothing_of_a_third() -> None:
    assert extrapolate([5.0, 5.0, 10.0, 10.0], [0.5, 0.6, 0.7, 0.7], now=10.0, more=20.0) is None
    figures: dict[str, dict[str, float | None]] = {name: {"value": 0.5, "low": None, "high": None} for name in FIGURES}
    figures["macro_f1_common"]["value"] = None
    made = Curve({}, {}, {}, points=tuple(Point(Model(BOTH, m, 0), 3, figures) for m in (5.0, 10.0)))
    shown = table(made)
    assert "what 20 more minutes bring cannot be told: that takes 3 amounts of play" in shown
    assert "keys of 50 presses" not in shown


def test_an_interrupted_curve_goes_on_and_a_finished_one_trains_nothing(
    curve: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the second model: the first is measured and stays as it is."""
    step = IDMModule.training_step
    calls = []

    def interrupted(self: IDMModule, *args: Any) -> Any:
        calls.append(self.trainer.global_step)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(IDMModule, "training_step", interrupted)
        assert curve() == 130
    folder = tmp_path / "curve"
    assert [point["model"]["minutes"] for point in points(folder)] == [0.02]
    assert read_metadata(folder / "minutes-0.04-seed-0")["steps"] == 2
    assert not (folder / "minutes-0.08-seed-0").exists()
    first = (folder / "minutes-0.02-seed-0" / "model.safetensors").stat()
    assert curve() == 0
    assert [point["model"]["minutes"] for point in points(folder)] == [0.02, 0.04, 0.08]
    assert (folder / "minutes-0.02-seed-0" / "model.safetensors").stat() == first
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(IDMModule, "training_step", lambda *_: pytest.fail("trained again"))
        assert curve() == 0
    shown = capsys.readouterr().out
    value = points(folder)[-1]["figures"]["r2_yaw"]["value"]
    assert re.search(rf"R² yaw.*\n.*0\.02 min.*\n.*0\.04 min.*\n +0\.08 min +{value:z.3f}", shown)
    assert "extrapolated to 20.08 minutes" in shown


def test_all_arms_see_the_same_play_and_differ_in_the_future_alone(
    curve: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curve("--past-only", "--cloning", "--seeds", "1,0", "--steps-per-minute", "100", minutes="0.04,0.02") == 0
    folder = tmp_path / "curve"
    names = [
        f"{arm}minutes-{m}-seed-{seed}"
        for seed in (0, 1)
        for m in (0.02, 0.04)
        for arm in ("", "past-only-", "cloning-")
    ]
    assert sorted(names) == sorted(path.name for path in folder.iterdir() if path.is_dir())
    both, past = (json.loads((folder / name / "run.json").read_text()) for name in (names[6], names[7]))
    different = {name for name in both["settings"] if both["settings"][name] != past["settings"][name]}
    assert different == {"model.network.causal"}
    assert both["settings"]["data.seed"] == both["settings"]["seed_everything"] == 1
    assert [point["steps"] for point in points(folder)] == [2, 2, 2, 4, 4, 4] * 2
    shown = capsys.readouterr().out
    assert "both directions" in shown
    assert "past only" in shown
    assert "cloning" in shown


def test_a_curve_noted_before_there_was_cloning_goes_on(curve: Command, tmp_path: Path) -> None:
    assert curve("--past-only", minutes="0.02") == 0
    file = tmp_path / "curve" / "curve.json"
    noted = json.loads(file.read_text())
    for point in noted["points"]:
        point["model"]["causal"] = point["model"].pop("arm") == "past only"
    file.write_text(json.dumps(noted))
    assert curve("--past-only", "--cloning", minutes="0.02") == 0
    assert [point["model"]["arm"] for point in points(tmp_path / "curve")] == [
        "both directions",
        "past only",
        "cloning",
    ]


def test_other_held_out_play_is_measured_anew_without_training(
    curve: Command, heldout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert curve(minutes="0.02") == 0
    other = write_recordings(tmp_path / "more", 1, length=40)
    for path in other.glob("noise-0.*"):
        path.rename(path.with_name(f"later-0{path.suffix}"))
    before = points(tmp_path / "curve")
    monkeypatch.setattr(IDMModule, "training_step", lambda *_: pytest.fail("trained again"))
    assert curve("--heldout", str(other), minutes="0.02") == 0
    after = points(tmp_path / "curve")
    assert [point["model"] for point in after] == [point["model"] for point in before]
    assert after[0]["figures"] != before[0]["figures"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--model.learning_rate", "0.01"], "model.learning_rate 0.001 there, 0.01 here"),
        (["--trainer.max_steps", "4"], "steps 3 there, 4 here"),
    ],
)
def test_points_of_other_settings_do_not_join_a_curve(
    curve: Command, more: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curve(minutes="0.02") == 0
    capsys.readouterr()
    assert curve(*more, minutes="0.02,0.04") == 1
    told = capsys.readouterr().err
    assert named in told
    assert "choose another --output" in told


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--minutes", "0.02,9"], r"--minutes 9: \S+ has 0.1 minutes of labelled play; expected no more than that."),
        (["--minutes", "five"], "--minutes five: expected minutes, such as 5,10,20."),
        (["--minutes", "0,5"], "--minutes 0,5: expected minutes"),
        (["--seeds", "0,-1"], "--seeds 0,-1: expected whole numbers from 0 on, such as 0,1."),
        (["--steps-per-minute", "0"], "--steps-per-minute 0: expected a number above 0."),
        (["--past-only", "--model.network.depth", "1"], "--past-only: a causal IDM needs depth 0"),
        (["--cloning", "--model.network.depth", "1"], "--cloning: a causal IDM needs depth 0"),
        (["--resume"], "--resume trains on what had other settings"),
        (["--data.validation_root", "x", "--data.validation_share", "0"], "--data.validation_root: each model"),
        (["--trainer.devices", "2"], "--trainer.devices 2, --trainer.num_nodes 1: idm curve trains one model"),
        (["--data.frames", "stream"], "idm curve decodes recordings beforehand"),
    ],
)
def test_what_does_not_go_with_a_curve_is_one_line_before_any_training(
    curve: Command, more: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curve(*more) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(f"ghostkeys: error: .*{named}", line)
    assert not (tmp_path / "curve").exists()


def test_held_out_play_of_a_session_that_is_trained_on_is_refused(
    curve: Command, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = shutil.copytree(recordings, tmp_path / "mixed", ignore=shutil.ignore_patterns("noise-[12].*"))
    assert curve("--heldout", str(mixed)) == 1
    told = capsys.readouterr().err
    assert f"{mixed} has 1 sessions of play that are trained on as well (noise-0)" in told
    assert not (tmp_path / "curve").exists()


def test_a_file_that_is_no_curve_is_named(curve: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "curve").mkdir()
    (tmp_path / "curve" / "curve.json").write_text('{"points": 3}')
    assert curve() == 1
    assert "curve.json holds no curve of this version: choose another --output." in capsys.readouterr().err
