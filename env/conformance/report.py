"""What the checks of an environment found, as a table and as JSON."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "differs", "failed", "skipped"]

_WIDTHS = {"check": 24, "expected": 44, "found": 58}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One check's outcome."""

    check: str
    expected: str
    found: str
    """What was measured; for a check that failed or was skipped, why."""
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """The outcome of all checks of one environment."""

    env: str
    size: tuple[int, int]
    """Height and width of the pictures."""
    seed: int
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing differs and nothing failed; what was skipped does not count."""
        return all(row.verdict in ("ok", "skipped") for row in self.rows)

    def table(self) -> str:
        """The outcome for a terminal 140 columns wide."""
        lines = [f"{self.env}, {self.size[0]} x {self.size[1]} pixels, seed {self.seed}"]
        lines += _lines({name: name for name in _WIDTHS}, "")
        for row in self.rows:
            lines += _lines({"check": row.check, "expected": row.expected, "found": row.found}, row.verdict)
        return "\n".join([*lines, "", self.summary()])

    def summary(self) -> str:
        """How many checks came out how, and the names of those that are not as expected."""
        names = {verdict: [row.check for row in self.rows if row.verdict == verdict] for verdict in _VERDICTS}
        text = ", ".join(f"{len(names[verdict])} {verdict}" for verdict in _VERDICTS if names[verdict])
        wrong = [*names["differs"], *names["failed"]]
        return f"{text}. Not as expected: {'; '.join(wrong)}." if wrong else f"{text}."


_VERDICTS: tuple[Verdict, ...] = ("ok", "differs", "failed", "skipped")


def _lines(cells: dict[str, str], verdict: str) -> Iterator[str]:
    """One row of the table, with long cells on several lines."""
    wrapped = {name: textwrap.wrap(cells[name], width - 2) or [""] for name, width in _WIDTHS.items()}
    for number in range(max(map(len, wrapped.values()))):
        parts = [(lines[number] if number < len(lines) else "").ljust(_WIDTHS[name]) for name, lines in wrapped.items()]
        yield "".join([*parts, verdict if number == 0 else ""]).rstrip()
