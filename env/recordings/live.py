"""Recordings that survive whatever ends the process that writes them.

While it is written, a recording of a person is a fragmented mp4, in which every frame stands by itself, and a file of
lines, both hidden beside where they will be: `.<stem>.part.mp4` and `.<stem>.part.jsonl`. At the end they become an
ordinary `<stem>.mp4` and `<stem>.jsonl`, nothing encoded anew. Where no end came, `recover` does the same later.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from env.errors import RecordingError
from env.files import atomic_path, folder_lock
from env.recordings.contractor import Tick, contractor_tick, to_json
from env.video.container import PathLike
from env.video.encoding import Encoder, check_size, copy_frames, whole_frames
from env.video.pictures import Frame, Size
from env.video.ticks import TICKS_PER_SECOND

PART = ".part"
"""Stands before the suffix of files that are being written; their names begin with a full stop, too."""
# No frame waits for a later one, neither in the encoder nor in the muxer nor in a buffer.
ENCODER = {"crf": "20", "preset": "veryfast", "tune": "zerolatency", "threads": "1"}
MUXER = {"movflags": "empty_moov+default_base_moof+frag_every_frame", "flush_packets": "1"}


class LiveRecordingWriter:
    """Writes a recording in VPT's contractor format, tick by tick, so that at most its last ticks can be lost.

    Used like `RecordingWriter`. But what was written is kept after an exception too, and after the death of the process
    it is found by `recover`.
    """

    def __init__(self, folder: PathLike, stem: str, *, size: Size) -> None:
        self.video = Path(folder) / f"{stem}.mp4"
        check_size(self.video, size)
        self.ticks = 0
        """How many were written so far."""
        self._folder, self._stem, self._size = Path(folder), stem, size
        self._previous: Tick | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        video, actions = _parts(self._folder, self._stem)
        self._encoder = Encoder(
            video, self._size, fps=TICKS_PER_SECOND, format="mp4", options=ENCODER, container=MUXER, name=self.video
        )
        self._lines = actions.open("w", encoding="utf-8", newline="\n")
        return self

    def write(self, frame: Frame, action: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> None:
        """Append the frame shown (uint8 (H, W, 3) RGB) and the action taken at it; see `RecordingWriter.write`."""
        self._previous = contractor_tick(self.ticks, action, state or {}, self._previous)
        self._encoder.write(frame)
        self._lines.write(to_json(self._previous) + "\n")
        self._lines.flush()
        self.ticks += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._encoder.finish()
        finalise(self._folder, self._stem)


def recover(folder: PathLike) -> list[Path]:
    """Finalises the recordings that were under way in a folder when their process ended; the videos, sorted.

    Only for a folder that nobody records into, see `only_recorder`. Parts without a whole tick are removed.
    """
    stems = {path.name.rsplit(f"{PART}.", 1)[0][1:] for path in Path(folder).glob(f".*{PART}.*")}
    return sorted(video for stem in stems if (video := finalise(Path(folder), stem)))


def finalise(folder: Path, stem: str) -> Path | None:
    """Makes the parts of a recording an ordinary one, of the ticks that are whole in both; None if there is none.

    The parts go last, so that this can be repeated when it was interrupted.
    """
    parts = part_video, part_actions = _parts(folder, stem)
    lines = part_actions.read_bytes().splitlines(keepends=True) if part_actions.exists() else []
    ticks = min(sum(line.endswith(b"\n") for line in lines), whole_frames(part_video) if part_video.exists() else 0)
    video, actions = folder / f"{stem}.mp4", folder / f"{stem}.jsonl"
    if ticks:
        # Entered in this order, the video is the last to get its name: a recording that has its video is whole.
        with atomic_path(video) as new_video, atomic_path(actions) as new_actions:
            copy_frames(part_video, new_video, frames=ticks)
            new_actions.write_bytes(b"".join(lines[:ticks]))
            # An older recording of that name must not be seen with the new actions.
            video.unlink(missing_ok=True)
    for part in parts:
        part.unlink(missing_ok=True)
    return video if ticks else None


@contextmanager
def only_recorder(folder: PathLike) -> Iterator[None]:
    """Makes sure that no other process is inside such a block for this folder. Raises `RecordingError` if one is."""
    busy = RecordingError(f"{folder}: somebody is recording into this folder; choose another --output.")
    with folder_lock(folder, ".recording.lock", taken=busy):
        yield


def _parts(folder: Path, stem: str) -> tuple[Path, Path]:
    return folder / f".{stem}{PART}.mp4", folder / f".{stem}{PART}.jsonl"
