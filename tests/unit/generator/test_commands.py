import json
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import generator
from env.actions import Actions
from env.errors import GhostkeysError
from env.video.encoding import write_video
from env.video.frames import read_frames
from generator.actions import parse_actions
from generator.commands import fit, sample, validate
from generator.model import GeneratorConfig, VideoGenerator
from generator.module import GeneratorModule
from learning.data import Episode


class Train(Protocol):
    """Trains into a folder."""

    def __call__(self, output: Path, *options: str, steps: int) -> int: ...


CONFIGS = Path(generator.__file__).parent / "configs"


@pytest.fixture
def checkpoint(model: VideoGenerator, tmp_path: Path) -> Path:
    return model.save(tmp_path / "generator")


@pytest.fixture
def train(recordings: Path, config: GeneratorConfig, tmp_path: Path) -> Train:
    """Trains the small generator: 3 steps for the autoencoder, the rest for the transformer."""
    values = {
        "model": {"vae_steps": 3, "warmup_steps": 1, "config": config.to_dict()},
        "data": {"root": str(recordings), "batch_size": 4},
        "trainer": {"accelerator": "cpu", "log_every_n_steps": 1},
    }
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(values))

    def run(output: Path, *options: str, steps: int) -> int:
        return fit(["--config", str(path), "--output", str(output), "--trainer.max_steps", str(steps), *options])

    return run


@pytest.mark.parametrize("name", ["tiny.yaml", "base.yaml"])
def test_the_configs_build_a_model(name: str) -> None:
    values = yaml.safe_load((CONFIGS / name).read_text())
    parser = ArgumentParser()
    parser.add_argument("--config", type=GeneratorConfig)
    config = parser.instantiate(parser.parse_object({"config": values["model"]["config"]})).config
    with torch.device("meta"):
        model = VideoGenerator(config)
    assert model.size == tuple(values["model"]["config"]["vae"]["size"])
    assert values["trainer"]["max_steps"] > values["model"]["vae_steps"]


def test_training_writes_a_generator_that_can_be_sampled_and_scored(
    train: Train, recordings: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert train(run, steps=6) == 0
    assert not list(run.glob("latents-*.npy"))  # as large as the data, and no longer needed
    video = tmp_path / "out.mp4"
    start = next(recordings.glob("*.mp4"))
    arguments = ["--start", start, "--frame", 5, "--actions", "3*forward 2*yaw=5", "--output", video, "--steps", 2]
    assert sample([str(a) for a in ["--checkpoint", run, *arguments]]) == 0
    frames = [frame for _, frame in read_frames(video)]
    assert len(frames) == 5
    assert frames[0].shape == (64, 128, 3)
    scores = tmp_path / "scores.json"
    arguments = ["--data.root", recordings, "--clips", 4, "--pairs", 2, "--steps", 1, "--json", scores]
    assert validate([str(a) for a in ["--checkpoint", run, *arguments]]) == 0
    assert {"psnr", "copy_psnr", "psnr_turning", "left_right_order", "vae_psnr"} <= json.loads(
        scores.read_text()
    ).keys()


@pytest.mark.parametrize("stop", [2, 4])
def test_a_resumed_run_equals_an_unbroken_one(train: Train, tmp_path: Path, stop: int) -> None:
    """Stopped within either phase, with the schedule unchanged, training goes on as if it had not been."""
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    assert train(unbroken, steps=6) == 0
    stopped_after(stop, train, broken)
    assert train(broken, steps=6) == 0
    first, second = (generator.load(run).state_dict() for run in (unbroken, broken))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_validation_leaves_the_training_as_it_is(train: Train, recordings: Path, tmp_path: Path) -> None:
    """Each part's loss is logged while that part is trained; the weights are those of a run without."""
    assert train(tmp_path / "plain", steps=6) == 0
    options = ("--data.validation_root", str(recordings), "--trainer.val_check_interval", "1")
    assert train(tmp_path / "validated", *options, steps=6) == 0
    events = EventAccumulator(str(tmp_path / "validated" / "logs")).Reload()
    steps = {name: [p.step for p in events.Scalars(f"validation/{name}_total")] for name in ("vae", "dit")}
    assert steps == {"vae": [0, 1, 2], "dit": [3, 4, 5]}
    plain, validated = (generator.load(tmp_path / name).state_dict() for name in ("plain", "validated"))
    assert all(torch.equal(plain[name], validated[name]) for name in plain)


def stopped_after(steps: int, train: Train, output: Path) -> None:
    """Starts the run of 6 steps and ends it early, as Ctrl-C does."""
    original = GeneratorModule.training_step

    def step(self: GeneratorModule, clips: torch.Tensor, number: int) -> torch.Tensor:
        if self.global_step == steps - 1:
            self.trainer.should_stop = True
        return original(self, clips, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GeneratorModule, "training_step", step)
        train(output, steps=6)


def test_a_budget_that_leaves_nothing_for_the_transformer_is_refused(train: Train, tmp_path: Path) -> None:
    with pytest.raises(GhostkeysError, match="must exceed"):
        train(tmp_path / "run", steps=3)


def test_scripts_say_what_to_do() -> None:
    actions = parse_actions("2*forward+sprint yaw=-2.5+pitch=1 3*none")
    assert len(actions) == 6
    assert actions.button("forward").tolist() == [True, True, False, False, False, False]
    assert actions.button("sprint").sum() == 2
    assert actions.camera[2].tolist() == [1.0, -2.5]
    assert not actions.camera[[0, 1, 3, 4, 5]].any()


@pytest.mark.parametrize("script", ["", "20*forwrad", "10*yaw=left", "forward=1", "*forward"])
def test_a_malformed_script_is_explained(script: str) -> None:
    with pytest.raises(GhostkeysError, match=r"20\*forward"):
        parse_actions(script)


def sample_from(checkpoint: Path, start: Path, actions: str, *more: str) -> int:
    arguments = [
        "--checkpoint",
        checkpoint,
        "--start",
        start,
        "--actions",
        actions,
        "--output",
        start.parent / "out.mp4",
    ]
    return sample([str(argument) for argument in [*arguments, *more]])


def test_a_missing_start_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(GhostkeysError, match=r"none\.mp4: there is no such file"):
        sample_from(checkpoint, tmp_path / "none.mp4", "3*forward")


def test_a_frame_beyond_the_end_is_named(checkpoint: Path, episode: Episode, tmp_path: Path) -> None:
    video = write_video(tmp_path / "start.mp4", episode.frames[:5])
    with pytest.raises(GhostkeysError, match="no frame 5"):
        sample_from(checkpoint, video, "3*forward", "--frame", "5")
    assert not (tmp_path / "out.mp4").exists()


def test_a_picture_can_be_the_start(checkpoint: Path, episode: Episode, tmp_path: Path) -> None:
    picture = tmp_path / "start.png"
    cv2.imwrite(str(picture), episode.frames[0])
    assert sample_from(checkpoint, picture, "3*forward", "--scale", "1") == 0
    assert len(list(read_frames(tmp_path / "out.mp4"))) == 3
    picture.write_bytes(b"no picture")
    with pytest.raises(GhostkeysError, match="cannot be read as a picture"):
        sample_from(checkpoint, picture, "3*forward")


def test_actions_can_come_from_a_recording(checkpoint: Path, recordings: Path) -> None:
    start = recordings / "pan0.mp4"
    assert sample_from(checkpoint, start, str(recordings / "pan0.jsonl"), "--scale", "1", "--steps", "1") == 0
    assert len(list(read_frames(recordings / "out.mp4"))) == 40


@pytest.mark.parametrize("name", ["bad.jsonl", "bad.labels.parquet"])
def test_a_malformed_action_file_is_named(checkpoint: Path, recordings: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(GhostkeysError, match=rf"{name}.*no such file"):
        sample_from(checkpoint, recordings / "pan0.mp4", str(tmp_path / name))
    (tmp_path / name).write_text("{not json\n{}\n")
    with pytest.raises(GhostkeysError, match=name):
        sample_from(checkpoint, recordings / "pan0.mp4", str(tmp_path / name))


def test_the_actions_of_a_script_and_of_a_file_agree() -> None:
    assert parse_actions("4*none") == Actions(np.zeros((4, 20), bool), np.zeros((4, 2), np.float32))
