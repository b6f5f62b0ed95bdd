"""Gathers what the demo measured into report.json and one self-contained page, report.html.

python scripts/report.py runs/demo
"""

import sys
from pathlib import Path

from measured import measure, summary
from page import page

from env.files import atomic_path, write_json


def main(run: Path) -> None:
    """Writes run/report.json and run/report.html, and prints the main figures."""
    report = measure(run)
    write_json(run / "report.json", report)
    with atomic_path(run / "report.html") as temporary:
        temporary.write_text(page(run, report), encoding="utf-8")
    print(f"\n{summary(report)}\n\nreport: {run / 'report.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
