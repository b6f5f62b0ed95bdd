"""Behavioural cloning from recordings on disk to a policy that plays, through the command."""

from pathlib import Path

import gymnasium
import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from agents import evaluate, load
from agents.commands import fit
from env.actions import no_op
from env.errors import GhostkeysError, UsageError
from env.recordings.recording import RecordingWriter
from learning.checkpoint import load_checkpoint, read_metadata
from tests.unit.agents.tiny_env import ENV_ID, RedPicture

CONFIGS = Path(__file__).parents[3] / "agents" / "configs"

TINY = {
    "trainer.max_steps": 60,
    "trainer.accelerator": "cpu",
    "model.policy.size": [8, 8],
    "model.policy.channels": [4, 8],
    "model.policy.features": 16,
    "model.policy.width": 16,
    "model.policy.depth": 1,
    "model.policy.heads": 2,
    "model.policy.memory": 8,
    "model.policy.motion": True,
    "model.learning_rate": 0.01,
    "model.warmup_steps": 5,
    "data.chunk": 8,
    "data.slots": 4,
    "data.run": 60,
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A player who attacks the red picture and looks aside at the grey one."""
    root = tmp_path_factory.mktemp("recordings")
    env = gymnasium.make(ENV_ID, disable_env_checker=True)
    game = env.unwrapped
    assert isinstance(game, RedPicture)
    for seed in range(3):
        frame = env.reset(seed=seed)[0]["pov"]
        with RecordingWriter(root, f"play-{seed}", size=game.size) as writer:
            for _ in range(120):
                action = no_op() | ({"attack": 1} if game.red else {"camera": (0.0, 3.2)})
                writer.write(frame, action)
                frame = env.step(action)[0]["pov"]
    return root


def run(recordings: Path, output: Path, *more: str, **changes: object) -> int:
    """Trains with the command; `changes` are arguments with __ for the dot."""
    values = TINY | {name.replace("__", "."): value for name, value in changes.items()}
    args = [f"--{name}={value}" for name, value in values.items()]
    return fit([*args, "--data.root", str(recordings), "--output", str(output), *more])


def tensors(folder: Path) -> dict[str, Tensor]:
    return load_checkpoint(folder, "policy")[1]


def test_cloned_policy_does_what_the_player_did(recordings: Path, tmp_path: Path) -> None:
    """Seconds of training on a simple game are enough to get the log in every episode, as the player did."""
    assert run(recordings, tmp_path) == 0
    trained = evaluate(tmp_path, ENV_ID, episodes=4, max_ticks=60)
    assert trained.milestones()["log"].rate == 1.0
    assert load(tmp_path).config.size == (8, 8)


def test_resumed_run_equals_an_unbroken_one(recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after some steps and started again, training ends with the same weights."""
    from agents.module import PolicyModule

    assert run(recordings, tmp_path / "whole", trainer__max_steps=12) == 0

    step = PolicyModule.training_step

    def stop_after_five(self: PolicyModule, batch: object, number: int) -> Tensor:
        self.trainer.should_stop = self.trainer.global_step >= 4
        return step(self, batch, number)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(PolicyModule, "training_step", stop_after_five)
        run(recordings, tmp_path / "broken", trainer__max_steps=12)
    first = tensors(tmp_path / "broken")
    assert run(recordings, tmp_path / "broken", trainer__max_steps=12) == 0
    whole, resumed = tensors(tmp_path / "whole"), tensors(tmp_path / "broken")
    assert not torch.equal(first["button_head.weight"], resumed["button_head.weight"])
    for name, weight in whole.items():
        torch.testing.assert_close(resumed[name], weight, msg=name)


def test_a_run_goes_on_with_another_number_of_slots(recordings: Path, tmp_path: Path) -> None:
    """The saved memory does not fit then: the slots begin without any, and the run goes on."""
    assert run(recordings, tmp_path, trainer__max_steps=2) == 0
    assert run(recordings, tmp_path, "--resume", data__slots=3, trainer__max_steps=4) == 0
    assert read_metadata(tmp_path)["steps"] == 4


def test_validation_loss_is_measured(recordings: Path, tmp_path: Path) -> None:
    changes = {"trainer__max_steps": 4, "trainer__val_check_interval": 2, "data__validation_share": 0.3}
    assert run(recordings, tmp_path, **changes) == 0


def test_validation_on_a_folder_of_its_own_leaves_the_training_as_it_is(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its losses are logged every so many steps; the weights are those of a run without."""
    brief = {"trainer__max_steps": 4, "trainer__val_check_interval": 2}
    assert run(recordings, tmp_path / "plain", **brief) == 0
    assert run(recordings, tmp_path / "validated", data__validation_root=recordings, **brief) == 0
    events = EventAccumulator(str(tmp_path / "validated" / "logs")).Reload()
    assert [point.step for point in events.Scalars("validation/total")] == [1, 3]  # counted from 0
    plain, validated = tensors(tmp_path / "plain"), tensors(tmp_path / "validated")
    assert all(torch.equal(plain[name], validated[name]) for name in plain)
    both = {"data__validation_root": recordings, "data__validation_share": 0.3}
    with pytest.raises(GhostkeysError, match="give one of them"):
        run(recordings, tmp_path / "both", **both, **brief)


def test_mixed_precision_trains(recordings: Path, tmp_path: Path) -> None:
    """As vpt.yaml asks for."""
    changes = {"trainer__max_steps": 2, "trainer__precision": "bf16-mixed", "data__validation_share": 0.3}
    assert run(recordings, tmp_path, trainer__val_check_interval=1, **changes) == 0
    assert all(weight.isfinite().all() for weight in tensors(tmp_path).values())


def test_a_misspelt_option_is_wrong_usage(recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no option --data\.chunks; did you mean --data\.chunk\?"):
        run(recordings, tmp_path, data__chunks=8)


def test_a_policy_may_start_from_a_trained_one(recordings: Path, tmp_path: Path) -> None:
    """Its heads keep what they learnt, rather than start at the frequencies: a step of no length changes nothing."""
    assert run(recordings, tmp_path / "first", trainer__max_steps=6) == 0
    more = {"init-from": tmp_path / "first", "trainer__max_steps": 1, "model__learning_rate": 0.0}
    assert run(recordings, tmp_path / "still", **more) == 0
    first, still = tensors(tmp_path / "first"), tensors(tmp_path / "still")
    assert all(torch.equal(first[name], still[name]) for name in first)


def test_vpt_config_is_the_published_policy() -> None:
    from agents.policy import PolicyConfig

    parsed = yaml.safe_load((CONFIGS / "vpt.yaml").read_text())
    assert PolicyConfig.from_dict(parsed["model"]["policy"]) == PolicyConfig.vpt()


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configs_are_understood(config: Path, tmp_path: Path) -> None:
    """Each config parses, and describes a policy that can be built."""
    from agents.policy import Policy, PolicyConfig

    with pytest.raises(SystemExit) as stopped:
        fit(["--config", str(config), "--data.root", ".", "--output", str(tmp_path), "--print_config"])
    assert stopped.value.code == 0
    with torch.device("meta"):
        Policy(PolicyConfig.from_dict(yaml.safe_load(config.read_text())["model"]["policy"]))
