"""What a killed `record` was writing is removed at the next start."""

import subprocess
import sys
from pathlib import Path

from agents.record import record

KILLED = """
import os, sys
import numpy as np
from env.recordings.recording import RecordingWriter
with RecordingWriter(sys.argv[1], "gatherer-000000", size=(32, 32)) as writer:
    writer.write(np.zeros((32, 32, 3), np.uint8), {})
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_was_recording_is_removed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    left = set(tmp_path.iterdir())
    assert left
    record(tmp_path, minutes=0.01, episode_ticks=5, size=(32, 32), workers=1)
    assert not left & set(tmp_path.iterdir())
    assert {path.name for path in tmp_path.glob("g*")} == {"gatherer-000000.mp4", "gatherer-000000.jsonl"} | {
        f"gatherer-{seed:06d}{suffix}" for seed in (1, 2) for suffix in (".mp4", ".jsonl")
    }
