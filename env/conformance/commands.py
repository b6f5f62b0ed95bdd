# ruff: noqa: T201
"""What `ghostkeys env check` runs."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from env.command_line import check_at_least_1, run_command
from env.files import write_json


def check(args: list[str]) -> int:
    """Checks an environment; status 1 if something is not as expected."""
    return int(run_command(_check, args, program="ghostkeys env check"))


def _check(
    env: str = "ghostkeys/MineRL-v0",
    size: tuple[int, int] | Literal["vpt"] | None = None,
    env_options: dict[str, Any] | None = None,
    minerl_python: Path | None = None,
    seed: int = 0,
    steps: int = 1000,
    json: Path | None = None,
) -> int:
    """Plays in an environment and tells whether it does what MineRL's actions and observations promise.

    The table says of each check what was expected and what was measured: spaces, seeds, which way the picture is up,
    the camera's sign and degrees, which frame first shows an action, screens and cursor, the inventory's keys, speed,
    memory. Exit status 0 if all is as expected, 1 otherwise; what the environment does not tell is skipped.

    Args:
        env: Gymnasium id of an environment with MineRL's actions, all or some.
        size: Height and width of the picture, or vpt for 128 x 128 pixels; by default the environment's own.
        env_options: Keyword arguments of the environment, such as `--env-options.spec MineRLBasaltFindCave-v0`.
        minerl_python: MineRL's Python, for MineRL's environments; otherwise the one that the environment variable
            GHOSTKEYS_MINERL_PYTHON names, or .minerl/bin/python.
        seed: Seed of the episodes.
        steps: Steps over which speed and memory are measured.
        json: Write the outcome to this file as well.
    """
    from env.conformance.suite import run_checks
    from env.making import make_env, use_minerl_python

    check_at_least_1(steps=steps)
    use_minerl_python(minerl_python)
    game = make_env(env, size=size, options=env_options)
    try:
        report = run_checks(game, seed=seed, steps=steps)
    finally:
        game.close()
    print(report.table())
    if json is not None:
        write_json(json, {**asdict(report), "passed": report.passed})
    return 0 if report.passed else 1
