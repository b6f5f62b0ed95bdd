"""What is wrong with recordings, and what is in them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from env.actions import BUTTONS, Actions
from env.camera import CameraQuantizer
from env.errors import GhostkeysError, RecordingError, one_line
from env.processors import usable_processors
from env.recordings.alignment import same_rate
from env.recordings.contractor import ContractorFile, read_contractor_file
from env.recordings.keys import MINECRAFT, KeyTable, key_table, mouse_button
from env.recordings.labels import LABEL_SUFFIX
from env.recordings.recording import Recording, videos_beside
from env.video.container import PathLike
from env.video.decoding import decode
from env.video.files import has_video_suffix
from env.video.frames import probe
from env.video.ticks import TICKS_PER_SECOND

Verdict = Literal["good", "mended", "bad"]
ABSURD_SHARE = 0.1
"""More ticks with values that cannot be than this share of them are more than an accident of the recorder."""
MAX_NAMED = 3
"""Lines with such values that are named one by one."""
SHORT = 64
"""Ticks of the window that `idm fit` reads by default."""


@dataclass(frozen=True)
class Checked:
    """What was found in one recording."""

    path: Path
    """Of its action file; of its video where there is none."""
    faults: tuple[str, ...] = ()
    """Why it cannot be used, or should not be without a look at it."""
    mended: tuple[str, ...] = ()
    """What is wrong with it and was mended or left out in reading."""
    notes: tuple[str, ...] = ()
    """What is unusual, though nothing is wrong with it."""
    actions: Actions = field(default_factory=lambda: Actions.none(0))
    """Of all ticks, usable or not; none where it cannot be read."""
    size: tuple[int, int] | None = None
    """Of its frames, (height, width); None where it cannot be read."""
    unmapped: Mapping[str, int] = field(default_factory=dict)
    """In how many ticks each key is held that stands for no button in the key table."""

    @property
    def verdict(self) -> Verdict:
        """Bad if there are faults, else mended if something was."""
        return "bad" if self.faults else "mended" if self.mended else "good"

    def as_dict(self) -> dict[str, Any]:
        """Everything but the actions, in types that JSON has."""
        return {
            "path": one_line(str(self.path)),
            "verdict": self.verdict,
            "ticks": len(self.actions),
            "size": self.size,
            "faults": [one_line(fault) for fault in self.faults],
            "mended": [one_line(mended) for mended in self.mended],
            "notes": [one_line(note) for note in self.notes],
            "unmapped": {one_line(key): ticks for key, ticks in self.unmapped.items()},
        }


@dataclass(frozen=True)
class CheckReport:
    """What was found in a set of recordings, and what the readable ones hold together."""

    recordings: tuple[Checked, ...]
    quantizer: CameraQuantizer = field(default_factory=CameraQuantizer)
    """Whose bins `camera_histogram` counts."""

    @property
    def bad(self) -> tuple[Checked, ...]:
        """The recordings whose verdict is "bad"."""
        return tuple(checked for checked in self.recordings if checked.verdict == "bad")

    @property
    def ticks(self) -> int:
        """Of all readable recordings."""
        return sum(len(checked.actions) for checked in self.recordings)

    @property
    def hours(self) -> float:
        """Of play at 20 ticks a second, in all readable recordings."""
        return self.ticks / TICKS_PER_SECOND / 3600

    def unmapped(self) -> dict[str, int]:
        """In how many ticks of all recordings each key is held that stands for no button, most frequent first."""
        total: Counter[str] = Counter()
        for checked in self.recordings:
            total.update(checked.unmapped)
        return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))

    def presses_per_minute(self) -> dict[str, float]:
        """How often each button goes down in a minute of play."""
        counts = sum((_presses(checked.actions.buttons) for checked in self.recordings), np.zeros(len(BUTTONS), int))
        minutes = self.hours * 60
        return {name: count / minutes if minutes else 0.0 for name, count in zip(BUTTONS, counts.tolist(), strict=True)}

    def share_held(self) -> dict[str, float]:
        """The share of ticks in which each button is held."""
        counts = sum((checked.actions.buttons.sum(axis=0) for checked in self.recordings), np.zeros(len(BUTTONS), int))
        return {name: count / max(self.ticks, 1) for name, count in zip(BUTTONS, counts.tolist(), strict=True)}

    def camera_histogram(self) -> dict[str, list[int]]:
        """How many ticks turn the view by each of VPT's camera bins, in pitch and in yaw."""
        camera = Actions.concatenate([checked.actions for checked in self.recordings]).camera
        bins = self.quantizer.encode(camera)
        return {
            axis: np.bincount(column, minlength=self.quantizer.bins).tolist()
            for axis, column in zip(("pitch", "yaw"), bins.T, strict=True)
        }

    def as_dict(self) -> dict[str, Any]:
        """The whole report, in types that JSON has."""
        verdicts = [checked.verdict for checked in self.recordings]
        return {
            "recordings": [checked.as_dict() for checked in self.recordings],
            "verdicts": {verdict: verdicts.count(verdict) for verdict in ("good", "mended", "bad")},
            "hours": self.hours,
            "presses_per_minute": self.presses_per_minute(),
            "share_held": self.share_held(),
            "unmapped": {one_line(key): ticks for key, ticks in self.unmapped().items()},
            "camera_histogram": {"centres_degrees": self.quantizer.centres.tolist(), **self.camera_histogram()},
        }

    def as_text(self) -> str:
        """A table of the recordings with what was found, and a summary of buttons and camera."""
        found = [checked.as_dict() for checked in self.recordings]
        width = max((len(checked["path"]) for checked in found), default=0)
        lines = [f"{'recording':{width}}  {'ticks':>6}  verdict"]
        for checked in found:
            lines.append(f"{checked['path']:{width}}  {checked['ticks']:6d}  {checked['verdict']}")
            lines += [
                f"{'':{width}}          {mark} {line}"
                for mark, kind in (("!", "faults"), ("-", "mended"), (" ", "notes"))
                for line in checked[kind]
            ]
            if checked["unmapped"]:
                held = ", ".join(f"{key} ({ticks})" for key, ticks in checked["unmapped"].items())
                lines.append(f"{'':{width}}            keys without a button (ticks held): {held}")
        counts = self.as_dict()["verdicts"]
        lines += [
            "",
            f"{len(self.recordings)} recordings: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()),
        ]
        lines.append(f"{self.hours:.2f} hours that can be read")
        if self.ticks:
            lines += ["", *self._button_lines(), *self._unmapped_lines(), "", *self._camera_lines()]
        return "\n".join(lines)

    def _button_lines(self) -> list[str]:
        held = self.share_held()
        return [f"{'button':10}{'presses/min':>12}{'held':>8}"] + [
            f"{name:10}{presses:12.2f}{held[name]:8.1%}" for name, presses in self.presses_per_minute().items()
        ]

    def _unmapped_lines(self) -> list[str]:
        found = self.as_dict()["unmapped"]
        width = max(map(len, found), default=0)
        head = ["", "keys that stand for no button, and ticks in which each is held:"] if found else []
        return head + [f"{key:{width}}{ticks:8d}" for key, ticks in found.items()]

    def _camera_lines(self) -> list[str]:
        histogram = self.camera_histogram()
        lines = [f"{'turn':>8}{'pitch':>8}{'yaw':>8}"]
        for number, degrees in enumerate(self.quantizer.centres):
            shares = [histogram[axis][number] / self.ticks for axis in ("pitch", "yaw")]
            lines.append(f"{degrees:+7.2f}°{shares[0]:8.1%}{shares[1]:8.1%}  {'█' * round(30 * shares[1])}")
        return lines


def check_recordings(
    paths: Sequence[PathLike],
    *,
    keys: KeyTable | PathLike | None = None,
    decode_all: bool = True,
    workers: int | None = None,
    progress: bool = True,
) -> CheckReport:
    """Reads recordings in folders (searched to the bottom) or named directly, every frame if `decode_all`.

    `keys` is the key table of another game, or the YAML file that holds it. Raises `RecordingError` where a path leads
    to nothing, `GhostkeysError` for such a file that is no key table.
    """
    table = key_table(keys)
    found = sorted({candidate for path in paths for candidate in _candidates(Path(path))})
    if not found:
        raise RecordingError(f"no recording in {', '.join(map(str, paths))}; expected <stem>.mp4 with <stem>.jsonl.")
    with ThreadPoolExecutor(workers or usable_processors()) as pool:
        checked = pool.map(lambda path: check_recording(path, keys=table, decode_all=decode_all), found)
        bar = tqdm(checked, total=len(found), desc="checking", unit="file", leave=False, disable=not progress)
        try:
            return CheckReport(tuple(bar))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def check_recording(path: Path, *, keys: KeyTable = MINECRAFT, decode_all: bool = True) -> Checked:
    """Reads one recording, named by its action file or its video."""
    try:
        recording = Recording.open(path, keys=keys)
        file = read_contractor_file(_jsonl(recording), keys) if recording.kind == "contractor" else None
        info = probe(recording.video)
        faults = [*_alignment_faults(recording), *(_picture_faults(recording.video) if decode_all else ())]
    except (GhostkeysError, OSError) as error:
        return Checked(path, faults=(str(error),))
    faults += _line_faults(file) if file else ()
    if recording.usable.any() or not faults:
        faults += _play_faults(recording)
    mended = [*(_line_repairs(file, keys) if file else ()), *_gaps(recording), *_other_rate(recording)]
    size = (info.height, info.width)
    notes = tuple(_notes(recording))
    return Checked(path, tuple(faults), tuple(mended), notes, recording.actions, size, recording.unmapped)


def _jsonl(recording: Recording) -> Path:
    return recording.video.with_name(f"{recording.name}.jsonl")


def _candidates(path: Path) -> Iterable[Path]:
    """Every file below a folder that should be a recording; or the one that is named."""
    if not path.is_dir():
        return [path]
    found: dict[Path, Path] = {}
    for file in sorted(path.rglob("*")):
        if file.name.startswith(".") or not file.is_file():
            continue
        if file.name.endswith(LABEL_SUFFIX):
            found.setdefault(file.with_name(file.name.removesuffix(LABEL_SUFFIX)), file)
        elif file.suffix == ".jsonl" and (videos_beside(file) or _is_contractors(file)):
            found[file.with_suffix("")] = file
        elif has_video_suffix(file):
            found.setdefault(file.with_suffix(""), file)
    return found.values()


def _is_contractors(path: Path) -> bool:
    """Whether a .jsonl holds somebody's play, rather than figures of a training run or the like."""
    try:
        with path.open("rb") as file:
            return b'"mouse"' in file.readline(2**20)
    except OSError:
        return True


def _alignment_faults(recording: Recording) -> Iterable[str]:
    """Why actions may belong to other frames."""
    if recording.alignment is not None and recording.alignment.doubt is not None:
        yield recording.alignment.doubt


def _gaps(recording: Recording) -> Iterable[str]:
    """What the alignment mended."""
    alignment = recording.alignment
    if alignment is None:
        return
    left_out = int((alignment.frames < 0).sum())
    unused = alignment.video_frames - (len(alignment.frames) - left_out)
    if left_out:
        kind = _counted(left_out, "line without a frame of its own is", "lines without a frame of their own are")
        yield f"{kind} left out (by {alignment.by})"
    if unused:
        kind = _counted(unused, "frame without a line is", "frames without a line are")
        yield f"{kind} left out (by {alignment.by})"
    yield from alignment.notes


def _line_faults(file: ContractorFile) -> Iterable[str]:
    """What makes the lines of a file useless."""
    if not any(tick.complete for tick in file.ticks):
        yield f"none of the {len(file.ticks)} ticks has mouse and keyboard"
    absurd = sum(bool(tick.implausible) for tick in file.ticks)
    if absurd > ABSURD_SHARE * len(file.ticks):
        yield f"{absurd} of {len(file.ticks)} ticks have values that cannot be"


def _line_repairs(file: ContractorFile, keys: KeyTable) -> Iterable[str]:
    """What is wrong with the lines of a file, and what was done about it."""
    if file.cut_off:
        yield "the last line was cut off and is left out"
    if file.blank:
        yield _counted(file.blank, "line is blank and was passed over", "lines are blank and were passed over")
    incomplete = sum(not tick.complete for tick in file.ticks)
    if incomplete:
        kind = _counted(incomplete, "tick has no mouse or keyboard and is", "ticks have no mouse or keyboard and are")
        yield f"{kind} not used"
    absurd = [tick for tick in file.ticks if tick.implausible]
    for tick in absurd[:MAX_NAMED]:
        yield f"line {tick.line} is not used: {'; '.join(tick.implausible)}"
    if len(absurd) > MAX_NAMED:
        kind = _counted(
            len(absurd) - MAX_NAMED, "more tick has such a value and is", "more ticks have such values and are"
        )
        yield f"{kind} not used (lines {absurd[MAX_NAMED].line} to {absurd[-1].line})"
    left = keys.keys.get(mouse_button(0))
    if left is not None and file.ticks[0].new_buttons == (0,):
        yield f"{left} was stuck at the start and is let go until it is pressed anew"
    if all(tick.hotbar is None for tick in file.ticks):
        yield "the hotbar's slot was not recorded: turns of the wheel are not known"


def _play_faults(recording: Recording) -> Iterable[str]:
    """What speaks against somebody's play in these ticks."""
    if not len(recording):
        yield "no tick has a frame"
    elif not recording.usable.any():
        yield f"none of the {len(recording)} ticks is usable"
    elif not recording.actions.buttons[recording.usable].any():
        done = "recorded" if recording.kind == "contractor" else "labelled"
        yield f"no key is pressed in {int(recording.usable.sum())} ticks: was the right file {done}?"


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _notes(recording: Recording) -> Iterable[str]:
    """What is unusual, but may be."""
    if recording.source_rate != TICKS_PER_SECOND:
        yield f"{recording.source_rate:.4g} lines a second are resampled to 20 ticks"
    if recording.usable.any() and not recording.actions.camera[recording.usable].any():
        yield "the camera never turns"
    if 0 < len(recording) < SHORT:
        yield f"fewer than {SHORT} ticks: training leaves out recordings shorter than its window"


def _other_rate(recording: Recording) -> Iterable[str]:
    """A frame a tick, though not 20 a second."""
    alignment = recording.alignment
    if (
        alignment is not None
        and alignment.doubt is None
        and recording.source_rate == TICKS_PER_SECOND
        and not same_rate(alignment.rate, TICKS_PER_SECOND)
    ):
        yield f"the video says {alignment.rate:.4g} frames a second; each is taken for a tick of 1/20 s"


def _picture_faults(video: Path) -> Iterable[str]:
    damaged = frames = 0
    for _, _, picture in decode(video):
        frames += 1
        damaged += bool(picture.is_corrupt)
    if damaged:
        yield f"{damaged} of {frames} frames are damaged"


def _presses(buttons: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(20,) how often each button goes down in (T, 20)."""
    before = np.concatenate([np.zeros((1, buttons.shape[1]), bool), buttons[:-1]])
    return np.asarray((buttons & ~before[: len(buttons)]).sum(axis=0))
