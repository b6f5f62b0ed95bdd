"""Makes all checks of an environment, one after the other."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium

from env.conformance.checks import CHECKS
from env.conformance.endurance import Endurance
from env.conformance.finding import Check
from env.conformance.probe import CheckFailed, CheckSkipped, Probe
from env.conformance.report import Report, Row, Verdict
from env.errors import one_line

log = logging.getLogger(__name__)


def run_checks(game: gymnasium.Env[Any, Any], *, seed: int = 0, steps: int = 1000) -> Report:
    """Plays in an environment and compares what it does with what MineRL's actions and observations mean.

    `game` takes MineRL's actions, all or some, and shows a picture as `pov`. `steps` are those over which speed and
    memory are measured. An environment that raises makes a check fail, and the next one is made with a new episode.
    """
    probe = Probe(game, seed=seed)
    checks = (*CHECKS, *Endurance(steps).checks())
    rows = tuple(_rows(probe, checks))
    height, width = probe.game.observation_space["pov"].shape[:2]  # type: ignore[index]
    name = game.spec.id if game.spec else type(game.unwrapped).__name__
    return Report(name, (height, width), seed, rows)


def _rows(probe: Probe, checks: Sequence[Check]) -> Iterator[Row]:
    passed: set[str] = set()
    for check in checks:
        lacking = [name for name in check.needs if name not in passed]
        row = _skipped(check, f"needs {', '.join(lacking)}") if lacking else _row(probe, check)
        if row.verdict == "ok":
            passed.add(check.name)
        log.info("%s: %s", check.name, row.verdict)
        yield row


def _row(probe: Probe, check: Check) -> Row:
    """Makes a check. What the environment raises, whatever it is, is the check's outcome."""
    try:
        if check.needs and not check.resets:
            probe.begin()
        found, as_expected = check.measure(probe)
    except CheckSkipped as reason:
        return _skipped(check, str(reason))
    except CheckFailed as failure:
        return Row(check=check.name, expected=check.expected, found=one_line(str(failure)), verdict="failed")
    except Exception as error:
        probe.over = True
        message = one_line(f"{type(error).__name__}: {error}")
        return Row(check=check.name, expected=check.expected, found=message, verdict="failed")
    verdict: Verdict = "ok" if as_expected else "differs"
    return Row(check=check.name, expected=check.expected, found=found, verdict=verdict)


def _skipped(check: Check, reason: str) -> Row:
    return Row(check=check.name, expected=check.expected, found=reason, verdict="skipped")
