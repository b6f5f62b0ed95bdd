"""Recordings: a video and the action of each of its ticks, whoever labelled them."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from env.actions import Actions
from env.errors import RecordingError
from env.files import atomic_path
from env.ledger import names_of
from env.recordings.alignment import Alignment, align
from env.recordings.contractor import WINDOW_HEIGHT, PlayerInput, Tick, contractor_tick, read_contractor_file, to_json
from env.recordings.keys import KeyTable
from env.recordings.labels import (
    LABEL_SUFFIX,
    label_actions,
    label_metadata,
    label_name,
    read_label_header,
    read_labels,
)
from env.recordings.play import Compat, Play, read_contractor_actions, reading_keys, reading_options
from env.recordings.resampling import as_ticks
from env.video.container import PathLike
from env.video.cursor import draw_cursor
from env.video.encoding import VideoWriter
from env.video.files import VIDEO_SUFFIXES, has_video_suffix
from env.video.frames import FrameReader
from env.video.pictures import Frame, Interpolation, Size, resize
from env.video.table import frame_table
from env.video.ticks import TICKS_PER_SECOND, TIME_TOLERANCE

__all__ = ["Recording", "RecordingWriter", "find_recordings", "read_contractor_actions"]

Kind = Literal["contractor", "labels"]
MAX_TIME_ERROR = 5e-3
"""How far (s) the time of a label may be from that of its frame: containers round to milliseconds."""
ACTION_SUFFIXES: dict[Kind, str] = {"contractor": ".jsonl", "labels": LABEL_SUFFIX}


class Recording:
    """One video and its actions: frame i is shown, action i is taken, frame i + 1 is the result.

    `len(recording)` is the number of ticks. Frames are decoded when asked for; reading on from where the last call
    ended is cheap. A contractor's video shows no cursor: it is drawn where a GUI is open.
    """

    name: str
    """File name without its suffixes."""
    kind: Kind
    """Labelled by a player ("contractor") or by an inverse dynamics model ("labels")."""
    video: Path
    actions: Actions
    times: NDArray[np.float64]
    """(T,) seconds in the video."""
    usable: NDArray[np.bool_]
    """(T,) False where the label is not to be trusted."""
    gui: NDArray[np.bool_]
    """(T,) whether the player had a screen with a cursor open, as the recorder wrote it; labels do not tell: False."""
    rows: NDArray[np.int64]
    """(T,) the row of each tick in the action file: line of the `.jsonl` or row of the label table, from 0."""
    frame_numbers: NDArray[np.int64]
    """(T,) the video's frame that each tick shows, counted from 0 in the order in which frames are shown."""
    alignment: Alignment | None
    """How the lines of a contractor's file were laid on the frames; None for labels."""
    source_rate: float
    """Lines a second of the action file: where it is not 20, they were resampled to 20 ticks a second."""
    unmapped: dict[str, int]
    """In how many ticks each key is held that stands for no button in the key table, by its physical name, such as
    `key.keyboard.f3` or `mouse.3`; the most frequent first. Labels tell of none."""
    milestones: dict[str, int]
    """The tick at which the player first has each item, and each kind of item such as `log`, where the recorder wrote
    the inventory; what is there from the start is none. Labels tell of none."""

    def __init__(
        self,
        path: Path,
        kind: Kind,
        *,
        compat: Compat | None = None,
        keys: KeyTable | PathLike | None = None,
        **options: Any,
    ) -> None:
        self.kind = kind
        self.name = path.name.removesuffix(ACTION_SUFFIXES[kind])
        self.alignment = None
        self.source_rate, self.unmapped, self.milestones = TICKS_PER_SECOND, {}, {}
        self._interpolation: Interpolation = "linear" if compat == "openai" else None
        if kind == "contractor":
            self._read_contractor(path, compat, reading_keys(path, compat, keys), options)
        elif compat is None and not options:
            self._read_labels(path)
        else:
            raise RecordingError(f"{path}: only a contractor's .jsonl can be read as OpenAI's loader does.")
        self._table = frame_table(self.video)
        self._reader = FrameReader(self.video, self._table)

    @classmethod
    def open(
        cls,
        path: PathLike,
        *,
        kind: Kind | None = None,
        compat: Compat | None = None,
        keys: KeyTable | PathLike | None = None,
        **options: Any,
    ) -> Self:
        """Open a recording by its video, its action file or the stem they share.

        Where a video has both a player's actions and labels, the player's are taken, unless `kind` says otherwise.
        `compat="openai"` gives the items of OpenAI's published loader, frames resized as there (INTER_LINEAR); it and
        the other `options` of a contractor's recording are those of `read_contractor_actions`. `keys` is the key table
        of another game than Minecraft, or the YAML file that holds it; labels need none. Recordings at another rate
        than 20 a second are resampled as labels are. Raises `RecordingError`, `VideoError` for an
        unreadable video, and `GhostkeysError` for such a table or for one together with `compat`.
        """
        return cls(*action_file(Path(path), kind), compat=compat, keys=keys, **options)

    def _read_contractor(self, path: Path, compat: Compat | None, keys: KeyTable, options: dict[str, Any]) -> None:
        self.video = contractor_video(path)
        chosen = reading_options(path, compat, options)
        ticks = read_contractor_file(path, keys).ticks
        play = Play.of(ticks, chosen, keys)
        # OpenAI's loader takes every line for a tick.
        rate = TICKS_PER_SECOND if compat == "openai" else keys.ticks_per_second
        self.alignment = align(path, ticks, self.video, by_index=chosen.assume_aligned, rate=rate)
        self.source_rate = self.alignment.source_rate
        played = as_ticks(play, self.alignment, self.video)
        if chosen.drop_null:
            played = played[np.flatnonzero(~played.play.null)]
        self.rows = np.array([tick.line - 1 for tick in ticks])[played.lines]
        self.frame_numbers, self.times = played.frames, played.seconds
        self.actions = played.play.actions
        self.usable = played.play.usable & (self.alignment.doubt is None)
        self.gui = played.play.gui
        self._cursor = played.play.cursor
        self.milestones = _milestones(ticks, self.rows)
        held = Counter(key for unmapped in played.play.unmapped for key in unmapped)
        self.unmapped = dict(sorted(held.items(), key=lambda item: (-item[1], item[0])))

    def _read_labels(self, path: Path) -> None:
        table = read_labels(path)
        metadata = label_metadata(table)
        self.video = _labelled_video(path, self.name, str(metadata["video"]))
        self.actions = label_actions(table)
        self.times = table["time"].to_numpy()
        self.usable = table["usable"].to_numpy()
        self.gui = np.zeros(len(self), bool)
        self.rows = np.arange(len(self))
        self._cursor = np.full((len(self), 2), np.nan)
        self.frame_numbers = frames_labelled(path, table, metadata, self.video)

    def frames(
        self, start: int = 0, stop: int | None = None, size: Size | None = None, interpolation: Interpolation = None
    ) -> NDArray[np.uint8]:
        """uint8 (stop - start, H, W, 3) RGB, resized to `size` (height, width) if given, as `pixels` does it.

        `interpolation` is "linear" with `compat="openai"`, whatever is asked for.
        """
        stop = len(self) if stop is None else stop
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"ticks {start} to {stop} are not within the {len(self)} of {self.name}.")
        if np.isnan(self._cursor[start:stop]).all():
            interpolation = self._interpolation or interpolation
            return self._reader.read(self.frame_numbers[start:stop], size=size, interpolation=interpolation)
        return np.stack([self._frame(self._reader, tick, size, interpolation) for tick in range(start, stop)])

    def iter_frames(self, size: Size | None = None, interpolation: Interpolation = None) -> Iterator[Frame]:
        """The frame of each tick in turn, uint8 (H, W, 3) RGB, resized as by `frames`."""
        reader = FrameReader(self.video, self._table)
        for tick in range(len(self)):
            yield self._frame(reader, tick, size, interpolation)

    def _frame(self, reader: FrameReader, tick: int, size: Size | None, interpolation: Interpolation) -> Frame:
        number, interpolation = int(self.frame_numbers[tick]), self._interpolation or interpolation
        if np.isnan(self._cursor[tick, 0]):
            return reader.frame(number, size=size, interpolation=interpolation)
        frame = reader.frame(number)
        drawn = frame.copy()
        # The place is counted in a window of 720 lines, in both directions.
        x, y = self._cursor[tick] * frame.shape[0] / WINDOW_HEIGHT
        draw_cursor(drawn, x, y)
        if size is None:
            return drawn
        # A frame shrunk while it is decoded is a little brighter than one shrunk later: only the cursor may differ.
        with_cursor, without = (resize(each, size, interpolation=interpolation) for each in (drawn, frame))
        small = reader.frame(number, size=size, interpolation=interpolation)
        return np.where(with_cursor == without, small, with_cursor)

    @property
    def cursor(self) -> NDArray[np.float64]:
        """(T, 2) place (x, y) of the cursor drawn on each frame, in a window of 720 lines; NaN where none is."""
        return self._cursor

    def state(self) -> dict[str, Any]:
        """All that was read of the files, by name: to be stored, and made a recording again by `from_state`."""
        return {name: value for name, value in vars(self).items() if name != "_reader"}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The recording with this state; nothing is read."""
        recording = cls.__new__(cls)
        vars(recording).update(state)
        recording._reader = FrameReader(recording.video, recording._table)
        return recording

    def __len__(self) -> int:
        return len(self.actions)

    def __repr__(self) -> str:
        return f"Recording({self.name!r}, {self.kind}, {len(self)} ticks)"


class RecordingWriter:
    """Writes a recording in VPT's contractor format, tick by tick, as `<stem>.mp4` and `<stem>.jsonl` in `folder`.

    Both appear when the `with` block ends well, the actions first, so a recording that has its video is whole; after
    an exception, or without a tick, nothing is left.
    """

    def __init__(self, folder: PathLike, stem: str, *, size: Size) -> None:
        self.video = Path(folder) / f"{stem}.mp4"
        self._actions = Path(folder) / f"{stem}.jsonl"
        self._writer = VideoWriter(self.video, size)
        self._files = ExitStack()
        self._previous: Tick | None = None

    @property
    def ticks(self) -> int:
        """How many were written so far."""
        return self._writer.frames

    def __enter__(self) -> Self:
        # Entered in this order, the video is the last to get its name.
        self._files.enter_context(self._writer)
        temporary = self._files.enter_context(atomic_path(self._actions))
        self._lines = temporary.open("w", encoding="utf-8")
        return self

    def write(self, frame: Frame, action: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> None:
        """Append the frame shown (uint8 (H, W, 3) RGB), the action taken at it (MineRL's) and what the game knows.

        `state` uses the format's names: `isGuiOpen`, `hotbar`, `yaw`, `pitch`, `xpos`, `ypos`, `zpos`, `tick`,
        `milli`, `inventory`.
        """
        self._previous = contractor_tick(self.ticks, action, state or {}, self._previous)
        self._writer.write(frame)
        self._lines.write(to_json(self._previous) + "\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._lines.close()
            if error is None and self.ticks:
                self._writer.finish()
                # An older recording of that name must not be seen with the new actions.
                self.video.unlink(missing_ok=True)
        except BaseException as failure:
            self._discard(failure)
            raise
        if error is None and self.ticks:
            self._files.close()
        else:
            self._discard(error or RecordingError(f"{self.video}: no tick was written."))

    def _discard(self, error: BaseException) -> None:
        """Remove the temporary files: they go when their blocks end with an error."""
        self._files.__exit__(type(error), error, error.__traceback__)


def _milestones(ticks: Sequence[PlayerInput], rows: NDArray[np.int64]) -> dict[str, int]:
    """The tick (T) at which each item is first there; `rows` are the lines of the ticks, from 0."""
    first: dict[str, int] = {}
    known: frozenset[str] = frozenset()
    for line in ticks:
        if not line.items <= known:
            for item in sorted(line.items - known):
                for name in names_of(item):
                    first.setdefault(name, line.line - 1)
            known |= line.items
    places = {name: int(np.searchsorted(rows, row)) for name, row in first.items()}
    return {name: tick for name, tick in places.items() if 0 < tick < len(rows)}


def find_recordings(paths: PathLike | Iterable[PathLike], kind: Kind | None = None) -> list[Path]:
    """The action files of all recordings in folders (searched to the bottom) and of those named directly, sorted.

    Without `kind`, a video that has both a player's actions and labels counts once, with the player's. Raises
    `RecordingError` when there is none.
    """
    roots = [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]
    found: set[Path] = set()
    for root in roots:
        found |= _recordings_below(root, kind) if root.is_dir() else {action_file(root, kind)[0]}
    if not found:
        wanted = " or ".join(f"<stem>{suffix}" for name, suffix in ACTION_SUFFIXES.items() if kind in (None, name))
        raise RecordingError(f"no recording in {', '.join(map(str, roots))}; expected <stem>.mp4 with {wanted}.")
    return sorted(found)


def _recordings_below(folder: Path, kind: Kind | None) -> set[Path]:
    found: set[Path] = set()
    for place, _, files in os.walk(folder):
        names = {name for name in files if not name.startswith(".")}
        stems: dict[str, str] = {}
        if kind in (None, "labels"):
            stems |= {name.removesuffix(LABEL_SUFFIX): name for name in names if name.endswith(LABEL_SUFFIX)}
        if kind in (None, "contractor"):
            for name in names:
                stem = name.removesuffix(ACTION_SUFFIXES["contractor"])
                if stem != name and any(stem + end in names for suffix in VIDEO_SUFFIXES for end in _cases(suffix)):
                    stems[stem] = name
        found |= {Path(place, name) for name in stems.values()}
    return found


def _stem(actions: Path) -> str:
    """The name of an action file without its suffix."""
    suffix = next((suffix for suffix in ACTION_SUFFIXES.values() if actions.name.endswith(suffix)), "")
    return actions.name.removesuffix(suffix)


def videos_beside(actions: Path) -> list[Path]:
    """The videos that have the stem of an action file, a contractor's or labels; <stem>.mp4 first."""
    stem = _stem(actions)
    names = [[actions.with_name(stem + end) for end in _cases(suffix)] for suffix in VIDEO_SUFFIXES]
    found = (next((path for path in either if path.is_file()), None) for either in names)
    return [path for path in found if path is not None]


def _cases(suffix: str) -> tuple[str, str]:
    """A video's suffix as it may be written."""
    return suffix, suffix.upper()


def contractor_video(actions: Path) -> Path:
    """The video of a contractor's file: <stem>.mp4, as the format has it, else the only video with that stem.

    Raises `RecordingError` where there are several. <stem>.mp4 where there is none.
    """
    found = videos_beside(actions) or [actions.with_name(f"{_stem(actions)}.mp4")]
    if len(found) > 1 and found[0].suffix.lower() != ".mp4":
        names = ", ".join(path.name for path in found)
        raise RecordingError(f"{actions} has several videos ({names}); expected <stem>.mp4, or one video.")
    return found[0]


def action_file(path: Path, kind: Kind | None) -> tuple[Path, Kind]:
    """The action file a path stands for, and its kind: itself, or the one beside the video, or with that stem.

    Raises `RecordingError` where there is none.
    """
    for name, suffix in ACTION_SUFFIXES.items():
        if path.name.endswith(suffix) and kind in (None, name):
            return path, name
    stem = path.with_suffix("") if has_video_suffix(path) else path
    names: dict[Kind, str] = {"contractor": stem.name + ACTION_SUFFIXES["contractor"], "labels": label_name(stem.name)}
    candidates = {name: stem.with_name(file) for name, file in names.items() if kind in (None, name)}
    for name, candidate in candidates.items():
        if os.path.exists(candidate):  # noqa: PTH110  (Path.exists raises an error for a name that is too long)
            return candidate, name
    expected = " or ".join(str(file) for file in candidates.values())
    problem = "is no recording" if path.exists() else "does not exist"
    raise RecordingError(f"{path} {problem}: expected a folder of recordings, or {expected}.")


def video_of(actions: Path, kind: Kind) -> Path:
    """The video of an action file. Raises `RecordingError` for several, a label table without its video, or no table.

    That of a contractor's file may be missing.
    """
    if kind == "contractor":
        return contractor_video(actions)
    metadata, _ = read_label_header(actions)
    return _labelled_video(actions, actions.name.removesuffix(LABEL_SUFFIX), str(metadata["video"]))


def _labelled_video(labels: Path, name: str, recorded: str) -> Path:
    """The video a label table belongs to: beside it, else where it was when it was labelled."""
    beside = [labels.with_name(Path(recorded).name), *(labels.with_name(name + suffix) for suffix in VIDEO_SUFFIXES)]
    for candidate in (*beside, labels.parent / recorded):
        if os.path.isfile(candidate):  # noqa: PTH113  (Path.is_file raises an error for a name that is too long)
            return candidate
    raise RecordingError(f"{labels}: its video is gone; expected {beside[0]} or {labels.parent / recorded}.")


def frames_labelled(path: Path, table: pa.Table, metadata: Mapping[str, Any], video: Path) -> NDArray[np.int64]:
    """(T,) the number of the video's frame that each row of a label table shows.

    Raises `RecordingError` where the table does not fit the video.
    """
    times = table["time"].to_numpy()
    shown = frame_table(video).seconds
    if metadata["format_version"] > 1:
        numbers: NDArray[np.int64] = table["frame"].to_numpy()
    elif metadata["resampling"] == "native":
        numbers = np.arange(len(times))
    else:  # format 1 kept times alone
        numbers = np.searchsorted(shown, times + TIME_TOLERANCE, side="right") - 1
    if len(numbers) and numbers[-1] >= len(shown):
        raise RecordingError(
            f"{path} labels frame {numbers[-1]} but {video} has {len(shown)} frames; "
            "expected the video that was labelled. Label it again."
        )
    apart = np.abs(shown[numbers] - times) > MAX_TIME_ERROR
    if apart.any():
        row = int(np.argmax(apart))
        raise RecordingError(
            f"{path} labels frame {numbers[row]} at {times[row]:.3f} s, which {video} shows at "
            f"{shown[numbers[row]]:.3f} s; expected the video that was labelled. Label it again."
        )
    return numbers
