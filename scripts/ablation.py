"""The table of `scripts/ablate_idm.sh`: what each variant scores, and the processor seconds its training took."""

import json
import sys
from pathlib import Path
from typing import Any

FIGURES = {
    "F1": ("keys", "macro_f1"),
    "F1 50+": ("keys", "macro_f1_common"),
    "events ±1": ("events", "1", "micro", "f1"),
    "R² pitch": ("camera", "pitch", "all", "r2"),
    "R² yaw": ("camera", "yaw", "all", "r2"),
    "pitch, screen": ("camera", "pitch", "screen_open", "r2"),
    "yaw, screen": ("camera", "yaw", "screen_open", "r2"),
}


def figure(scores: dict[str, Any], path: tuple[str, ...]) -> float | None:
    """The value of an estimate in the JSON of `ghostkeys idm validate`, None where it is not defined."""
    found: Any = scores["measured"]["model"]
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return None if found is None else found["value"]


def nats(scores: dict[str, Any]) -> float:
    """Negative log-likelihood of a tick's true buttons and camera."""
    return float(sum(scores["reliability"]["nats_per_tick"].values()))


def main(output: Path) -> None:
    """Prints a row for each run below `output`."""
    print("| variant | steps | seed | CPU s | nats a tick |", " | ".join(FIGURES), "|")
    print("|---|---|---|---|---|" + "---|" * len(FIGURES))
    for file in sorted(output.glob("*-seed*/scores.json"), key=lambda file: file.stat().st_mtime):
        name, _, seed = file.parent.name.rpartition("-seed")
        name, _, steps = name.rpartition("-steps")
        scores = json.loads(file.read_text())
        user, system = map(float, (file.parent / "seconds").read_text().split()[-2:])
        values = (figure(scores, path) for path in FIGURES.values())
        cells = ("–" if value is None else f"{value:.3f}" for value in values)
        print(f"| {name} | {steps} | {seed} | {user + system:.0f} | {nats(scores):.3f} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
