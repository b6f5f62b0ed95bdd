"""OpenAI's files in place of a model of one's own: converted, they label, play and are fine-tuned."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import agents
import idm
from env.video.encoding import write_video
from env.video.frames import read_ticks
from env.video.pictures import resize
from ghostkeys import main
from labelling import read_labels
from learning.checkpoint import Kind, load_checkpoint, read_metadata
from tests.unit.idm.clips import write_recordings

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "vpt"


def ghostkeys(*words: str | Path) -> int:
    """Runs a command line; a word with spaces in it is several."""
    return main([part for word in words for part in (word.split() if isinstance(word, str) else [str(word)])])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both models converted, and a few seconds of play."""
    root = tmp_path_factory.mktemp("openai")
    for name in ("idm", "policy"):
        files = (GOLDEN / f"{name}.model", GOLDEN / f"{name}.weights")
        assert ghostkeys("convert", *files, "--output", root / name) == 0
    write_recordings(root / "played", 2, length=140)
    return root


def test_converted_models_are_the_originals(folders: Path) -> None:
    frames = np.load(GOLDEN / "idm_io.npz")["frames"]
    original = idm.load_openai(GOLDEN / "idm.model", GOLDEN / "idm.weights").predict(frames)
    converted = idm.load(folders / "idm").predict(frames)
    np.testing.assert_array_equal(converted.button_log_probs, original.button_log_probs)
    np.testing.assert_array_equal(converted.camera_log_probs, original.camera_log_probs)
    both = [agents.load_openai(GOLDEN / "policy.model", GOLDEN / "policy.weights"), agents.load(folders / "policy")]
    with torch.inference_mode():
        outputs = [
            policy(torch.from_numpy(frames)[None], policy.initial_state(1), torch.zeros(1, len(frames)).bool())[0]
            for policy in both
        ]
    assert all(torch.equal(one, other) for one, other in zip(*outputs, strict=True))
    assert read_metadata(folders / "policy")["converted_from"] == ["policy.model", "policy.weights"]


def test_convert_overwrites_nothing(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ghostkeys("convert", GOLDEN / "idm.model", GOLDEN / "idm.weights", "--output", folders / "policy") == 1
    assert "exists already" in capsys.readouterr().err


def test_converted_model_labels_video_shrunk_as_openai_does(folders: Path, tmp_path: Path) -> None:
    """The labels are those of the model on frames resized with INTER_LINEAR, in one window."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 90, 160, 3), np.uint8)
    video = write_video(tmp_path / "clip.mp4", noise)
    settings = ("--output", tmp_path / "labels", "--workers 0 --low-confidence 0")
    assert ghostkeys("label", video, "--checkpoint", folders / "idm", *settings) == 0
    labels = read_labels(tmp_path / "labels" / "clip.labels.parquet")
    decoded = np.stack([tick.picture for tick in read_ticks(video)])
    expected = idm.load(folders / "idm").predict(resize(decoded, (128, 128), interpolation="linear"))
    camera = np.stack([labels["camera_pitch"].to_numpy(), labels["camera_yaw"].to_numpy()], 1)
    np.testing.assert_allclose(camera, expected.actions.camera, atol=1e-5)
    lines = tmp_path / "clip.jsonl"
    assert ghostkeys("idm predict", video, "--checkpoint", folders / "idm", "--output", lines) == 0
    pressed = [yaml.safe_load(line)["buttons"] for line in lines.read_text().splitlines()]
    assert [len(names) for names in pressed] == expected.actions.buttons.sum(1).tolist()


def test_converted_model_is_scored(folders: Path, tmp_path: Path) -> None:
    scored = ("--data.root", folders / "played", "--json", tmp_path / "scores.json")
    assert ghostkeys("idm validate --checkpoint", folders / "idm", *scored) == 0
    assert "macro_f1" in (tmp_path / "scores.json").read_text()


def test_converted_policy_plays(folders: Path, tmp_path: Path) -> None:
    episodes = "--env ghostkeys/Voxel-v0 --episodes 2 --seed 3 --max-ticks 12 --workers 1 --size vpt"
    written = ("--json", tmp_path / "played.json")
    assert ghostkeys("evaluate --agent", folders / "policy", episodes, *written) == 0
    assert yaml.safe_load((tmp_path / "played.json").read_text())["results"][1]["ticks"] == 12


@pytest.mark.parametrize(
    ("command", "kind", "data"),
    [
        ("idm fit", "idm", "--data.batch_size 1 --model.learning_rate 0.0001 --trainer.val_check_interval 2"),
        ("agent fit", "policy", "--data.chunk 12 --data.slots 2 --data.run 10 --model.learning_rate 0.0001"),
    ],
)
def test_converted_models_are_fine_tuned(command: str, kind: Kind, data: str, folders: Path, tmp_path: Path) -> None:
    """Their config and weights are what training starts from, whatever else a config file says."""
    tiny = ROOT / ("idm" if kind == "idm" else "agents") / "configs" / "tiny.yaml"
    tuned = ("--config", tiny, "--init-from", folders / kind, "--data.root", folders / "played", data)
    brief = "--trainer.max_steps 2 --trainer.accelerator cpu --output"
    assert ghostkeys(command, *tuned, brief, tmp_path / "tuned") == 0
    before, after = (load_checkpoint(folder, kind) for folder in (folders / kind, tmp_path / "tuned"))
    changed = {"starts_within_chunks": True} if kind == "policy" else {}
    assert after[0] == {**before[0], **changed}
    ours = ("calibration", "mirror", "positive_weight", "camera_spread")
    moved = [
        float((after[1][name] - tensor).abs().max())
        for name, tensor in before[1].items()
        if tensor.numel() and not name.startswith(ours)
    ]
    assert 0.0 < max(moved) < 1e-3
