"""Label files against the true actions of the same play."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS, Actions
from env.errors import RecordingError
from env.recordings.keys import KeyTable, key_table
from env.recordings.labels import LABEL_SUFFIX, label_actions, label_metadata, read_labels
from env.recordings.recording import Recording, frames_labelled
from idm.metrics import Scores, score

TICKS_SLACK = 2
"""This many ticks of a recording may be without a label, as at its end."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Pairs:
    """Rows of a label table beside the lines (N) that belong to the same frames."""

    found: Actions
    true: Actions
    probabilities: NDArray[np.float32]
    """(N, 20) of each button's being pressed."""
    left_out: int
    """Rows whose frame has no line that tells what the player did."""


def score_labels(
    labels: Path | str, truth: Path | str, *, keys: KeyTable | Path | str | None = None, usable_only: bool = False
) -> Scores:
    """How well the label files in the folder `labels` agree with the recordings of the same names in `truth`.

    Both folders are searched to the bottom. A row is compared with the line that belongs to the frame it shows; rows
    without a usable line are left out, and counted in `Scores.left_out`. With `usable_only`, rows that the label files
    call unusable are left out, too, as are recordings without a label file. `keys` is the key table of another game
    than Minecraft, or the YAML file that holds it. Raises `RecordingError` for a label file without its recording, of
    another video, or with which more than `TICKS_SLACK` of a recording's ticks are without a label.
    """
    label_files = _by_stem(Path(labels), LABEL_SUFFIX)
    recordings = _by_stem(Path(truth), ".jsonl")
    for stem in label_files.keys() - recordings.keys():
        raise RecordingError(f"{label_files[stem]}: there is no {stem}.jsonl in {truth} to compare it with.")
    game = key_table(keys)
    pairs = [_pairs(path, recordings[stem], game, usable_only=usable_only) for stem, path in label_files.items()]
    true = Actions.concatenate([part.true for part in pairs])
    if not len(true):
        raise RecordingError(f"{labels}: the label files call no row usable; there is nothing to compare.")
    scores = score(
        Actions.concatenate([part.found for part in pairs]),
        true,
        button_probabilities=np.concatenate([part.probabilities for part in pairs]),
    )
    return replace(scores, left_out=sum(part.left_out for part in pairs))


def _pairs(labels: Path, actions: Path, keys: KeyTable, *, usable_only: bool) -> _Pairs:
    table, truth = read_labels(labels), Recording.open(actions, kind="contractor", keys=keys)
    shown = frames_labelled(labels, table, label_metadata(table), truth.video)
    unlabelled = int((~np.isin(truth.frame_numbers, shown)).sum())
    if unlabelled > TICKS_SLACK:
        raise RecordingError(
            f"{labels} has {len(table)} ticks, {actions} has {len(truth)}: {unlabelled} of these have no label; "
            f"expected {TICKS_SLACK} at most. Was it labelled at another frame rate?"
        )
    usable = np.flatnonzero(truth.usable)
    # Of rows that show one frame again, the first.
    _, lines, rows = np.intersect1d(truth.frame_numbers[usable], shown, return_indices=True)
    lines = usable[lines]
    if not len(rows):
        doubt = truth.alignment.doubt if truth.alignment is not None else None
        raise RecordingError(
            f"{labels}: no row shows a frame of which {actions} tells what was done{f' ({doubt})' if doubt else ''}."
        )
    left_out = len(table) - len(rows)
    if left_out:
        log.warning(
            "%s: %d of %d rows have no usable line in %s and are left out", labels, left_out, len(table), actions
        )
    if usable_only:
        kept = table["usable"].to_numpy()[rows]
        lines, rows = lines[kept], rows[kept]
    probabilities = np.stack([table[f"probability.{button}"].to_numpy() for button in BUTTONS], axis=1)
    return _Pairs(label_actions(table)[rows], truth.actions[lines], probabilities[rows], left_out)


def _by_stem(folder: Path, suffix: str) -> Mapping[str, Path]:
    """The files below a folder by their names without `suffix`, in the order of these."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob(f"*{suffix}"), key=lambda path: path.name):
        stem = path.name.removesuffix(suffix)
        if stem in found:
            raise RecordingError(f"{found[stem]} and {path} have the same name: compare their folders one at a time.")
        found[stem] = path
    if not found:
        raise RecordingError(f"{folder} holds no <stem>{suffix}.")
    return found
