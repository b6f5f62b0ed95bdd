"""Gathers what the demo measured into report.json and one self-contained page, report.html.

python scripts/report.py runs/demo
"""

import json
import sys
from pathlib import Path

from measured import measure
from page import page

from env.files import atomic_path


def main(run: Path) -> None:
    """Writes run/report.json and run/report.html."""
    report = measure(run)
    _write(run / "report.json", json.dumps(report, indent=2) + "\n")
    _write(run / "report.html", page(run, report))
    print(f"\nreport: {run / 'report.html'}")


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
