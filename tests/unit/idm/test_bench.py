"""`ghostkeys bench idm`: figures that hang together, and agreement that is really compared."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

import idm.bench
from idm import IDMConfig
from idm.bench import IDMBench, compare, measure, openai_tensors, random_model, table
from idm.plain import plain_idm
from learning.measure import flop_of, in_turn, median_ratio, peak_memory

CONFIG = replace(IDMConfig.vpt(1), frame_size=(32, 32), width=64, heads=4)


@pytest.fixture(scope="module")
def found() -> IDMBench:
    torch.manual_seed(0)
    return measure(random_model(CONFIG), frames=8, window=16, rounds=1)


def test_figures_hang_together(found: IDMBench) -> None:
    for speed in (found.plain, found.fast):
        assert speed.frames_per_second == pytest.approx(1 / speed.seconds_per_frame)
        assert speed.gflops == pytest.approx(found.gflop_per_frame * speed.frames_per_second)
        assert speed.of_matrix_rate == pytest.approx(speed.gflops / found.matrix_gflops)
    assert found.ratio == pytest.approx(found.plain.seconds_per_frame / found.fast.seconds_per_frame)
    assert found.agreement.largest_difference < 1e-4
    assert found.agreement.clear_choices == found.agreement.equal_choices > 8 * 21


def test_work_of_the_published_size() -> None:
    """68.6 GFLOP a frame (convolutions 67.6 of them), counted without computing."""
    with torch.device("meta"):
        model = random_model(IDMConfig.vpt(4))
        frames = torch.zeros(1, 4, 128, 128, 3, dtype=torch.uint8)
        tensors = openai_tensors(model)
    flop = flop_of(lambda: plain_idm(tensors, frames, heads=32, temperature=4.0))
    assert flop / 4 / 1e9 == pytest.approx(68.6, abs=0.1)


def test_windows_differ_where_one_sees_black_frames(found: IDMBench) -> None:
    assert found.windows is not None
    assert found.windows.difference_outermost > found.windows.difference_kept > 0.0
    assert 0.0 <= found.windows.choices_changed_kept < 0.2


def test_disagreement_is_noticed() -> None:
    log_probs = torch.tensor([[0.0, 0.5, 1.0], [0.3, 0.30001, 0.2], [2.0, 1.0, 0.0]]).log_softmax(-1)
    others = log_probs.flip(-1)
    agreement = compare((others, others), (log_probs, log_probs))
    assert agreement.largest_difference == pytest.approx(2.0)
    assert (agreement.clear_choices, agreement.equal_choices) == (4, 0)  # the second row's choice is not clear


def test_command_prints_what_it_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, found: IDMBench
) -> None:
    monkeypatch.setattr(idm.bench, "measure", lambda *_, **__: found)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    assert idm.bench.bench(["--scale", "1", "--json", str(tmp_path / "bench.json")]) == 0
    assert capsys.readouterr().out == table(found) + "\n"
    assert json.loads((tmp_path / "bench.json").read_text()) == asdict(found)


def test_things_run_in_turn() -> None:
    order: list[str] = []
    seconds = in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2)
    assert order == ["a", "b"] * 3  # the first round warms up
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}
    assert median_ratio([2.0, 9.0, 8.0], [1.0, 3.0, 1.0]) == 3.0


def test_peak_memory_sees_what_is_gone_afterwards() -> None:
    small, large = (peak_memory(lambda mb=mb: torch.ones(mb, 1 << 18).sum()) for mb in (1, 400))  # type: ignore[misc]
    if small is None or large is None:
        pytest.skip("this system does not tell")
    assert 300 << 20 < large - small < 500 << 20
