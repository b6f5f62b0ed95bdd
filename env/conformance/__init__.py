"""Whether an environment does what MineRL's actions and observations promise, found out by playing in it."""

from env.conformance.checks import CHECKS
from env.conformance.finding import Check
from env.conformance.report import Report, Row
from env.conformance.suite import run_checks

__all__ = ["CHECKS", "Check", "Report", "Row", "run_checks"]
