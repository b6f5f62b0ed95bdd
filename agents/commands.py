# ruff: noqa: T201
"""What `ghostkeys agent fit`, `ghostkeys convert`, `ghostkeys evaluate` and `ghostkeys record` run."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from env.command_line import run_command
from env.errors import GhostkeysError
from env.files import write_json

if TYPE_CHECKING:
    from agents.evaluate import Evaluation


def fit(args: list[str]) -> int:
    """Trains a policy by behavioural cloning; the arguments are LightningCLI's."""
    from agents.data import PolicyDataModule
    from agents.module import PolicyModule
    from learning.training import run_training

    return run_training(PolicyModule, PolicyDataModule, args, kind="policy", program="ghostkeys agent fit")


def convert(args: list[str]) -> int:
    """Turns OpenAI's published files into a checkpoint folder."""
    return int(run_command(_convert, args, program="ghostkeys convert", positional=True))


def evaluate(args: list[str]) -> int:
    """Plays episodes and reports the milestones reached."""
    return int(run_command(_evaluate, args, program="ghostkeys evaluate"))


def record(args: list[str]) -> int:
    """Lets the scripted player play, and writes recordings."""
    from agents.record import record

    videos = run_command(record, args, program="ghostkeys record")
    print(f"{len(videos)} recordings in {videos[0].parent}")
    return 0


def _convert(model_file: Path, weights_file: Path, *, output: Path) -> int:
    """Turns OpenAI's published files (VPT) into a checkpoint folder: an inverse dynamics model or a policy.

    Everything here that takes a checkpoint takes it then: `label`, `idm validate`, `evaluate`, and with `--init-from`
    `idm fit` and `agent fit`.

    Args:
        model_file: The `.model`, such as 4x_idm.model. Nothing in it is run.
        weights_file: The `.weights` that belong to it.
        output: Folder to write.
    """
    from agents.openai import convert_openai

    print(convert_openai(model_file, weights_file, output=output))
    return 0


def _evaluate(
    agent: str,
    env: str = "ghostkeys/Voxel-v0",
    episodes: int = 20,
    seed: int = 0,
    max_ticks: int | None = None,
    until: str | None = None,
    size: tuple[int, int] | Literal["vpt"] | None = None,
    temperature: float = 1.0,
    device: str = "auto",
    env_options: dict[str, Any] | None = None,
    minerl_python: Path | None = None,
    workers: int = 2,
    retries: int = 3,
    json: Path | None = None,
    video: Path | None = None,
    video_failure: Path | None = None,
) -> int:
    """Plays episodes in an environment and reports how often each milestone is reached, with 95 % intervals.

    Args:
        agent: `random`, `scripted` (which pursues the task, if the environment has one), or the folder of a trained
            policy.
        env: Gymnasium id of the environment.
        episodes: How many episodes, each in a world of its own.
        seed: Decides the worlds and the agent's choices.
        max_ticks: Length of an episode, in ticks of 1/20 s; by default the environment's own, or 600 in free play.
        until: End an episode as soon as this milestone is reached, for example `log`.
        size: Height and width of the environment's picture, or `vpt` for the 128x128 pixels of 640x360 that OpenAI's
            agents see; by default the environment's own.
        temperature: Of the policy's sampling; below 1 it is more certain, 0 takes the likeliest action.
        device: That a policy runs on: auto, cpu, cuda, one GPU such as cuda:1, or mps.
        env_options: Keyword arguments of the environment, such as `--env-options.spec MineRLBasaltFindCave-v0`.
        minerl_python: MineRL's Python, for MineRL's environments; otherwise the one that the environment variable
            GHOSTKEYS_MINERL_PYTHON names, or .minerl/bin/python.
        workers: Processes, or 0 for none besides this one; the result does not depend on their number. Each plays in
            a game of its own.
        retries: How often an episode in which the environment failed is played again. Failures are told, and count
            for nothing.
        json: Write the result to this file. Until it is there, what has been played is kept beside it, and the same
            command goes on from there. A result of the same evaluation is not played again; one of another is an error.
        video: Write the first successful episode (else the first) to this mp4 file, with the keys drawn in.
        video_failure: Write the first episode that missed the goal (`until`, or a log) to this mp4 file, likewise.
    """
    from agents.evaluate import make_trial, play_trial, read_result, table
    from env.making import use_minerl_python

    use_minerl_python(minerl_python)
    trial = make_trial(
        agent,
        env,
        seed=seed,
        max_ticks=max_ticks,
        until=until,
        size=size,
        temperature=temperature,
        device=device,
        env_options=env_options,
    )
    earlier = None if json is None else read_result(json, trial, episodes=episodes)
    videos = [path for path in (video, video_failure) if path is not None]
    missing = [path for path in videos if not path.exists()]
    if earlier is not None and not earlier.get("unplayed") and not (missing and trial.traits.repeats):
        print(table(earlier))
        for path in missing:
            print(f"{path} is not written: {trial.env} does not repeat itself, and is filmed while it is played.")
        print(f"{json} was there already: delete it to play again.")
        return 0
    with ExitStack() as stack:
        if json is not None:
            journal = json.with_name(f".{json.name}.played")
        else:
            journal = Path(stack.enter_context(TemporaryDirectory(prefix="ghostkeys-")))
        evaluation = play_trial(
            trial, episodes=episodes, workers=workers, retries=retries, journal=journal, filming=bool(videos)
        )
        print(evaluation.table())
        if json is not None:
            write_json(json, evaluation.to_json())
        _write_videos(evaluation, video=video, failure=video_failure)
    if not evaluation.unplayed:
        shutil.rmtree(journal, ignore_errors=True)
        return 0
    if json is not None:
        print("Start the same command again to try those again.")
    return 1


def _write_videos(evaluation: "Evaluation", *, video: Path | None, failure: Path | None) -> None:
    """Writes the first success and the first failure, as far as they are asked for; says which there is not."""
    from agents.evaluate import write_video

    missed = evaluation.first(reached_goal=False)
    if failure is not None and evaluation.episodes and missed is None:
        print(f"{failure} is not written: every episode reached its goal.")
        failure = None
    for path, episode in ((video, None), (failure, missed)):
        if path is not None:
            try:
                write_video(evaluation, path, episode=episode)
            except GhostkeysError as error:
                print(error)
