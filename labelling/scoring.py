"""Label files against the true actions of the same play."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from env.actions import BUTTONS, Actions
from env.errors import RecordingError
from env.recordings.labels import LABEL_SUFFIX, label_actions, read_labels
from env.recordings.play import read_contractor_actions
from idm.metrics import Scores, score

TICKS_SLACK = 2
"""A recorder may lose this many frames or lines at the end."""


def score_labels(labels: Path | str, truth: Path | str, *, usable_only: bool = False) -> Scores:
    """How well the label files in the folder `labels` agree with the recordings of the same names in `truth`.

    Both folders are searched to the bottom. With `usable_only`, ticks the label files call unusable are left out.
    Recordings without a label file are left out, too. Raises `RecordingError` for a label file without its recording,
    or of another length.
    """
    label_files = _by_stem(Path(labels), LABEL_SUFFIX)
    recordings = _by_stem(Path(truth), ".jsonl")
    for stem in label_files.keys() - recordings.keys():
        raise RecordingError(f"{label_files[stem]}: there is no {stem}.jsonl in {truth} to compare it with.")
    predicted: list[Actions] = []
    true: list[Actions] = []
    probabilities = []
    for stem, path in label_files.items():
        table = read_labels(path)
        answers, actions = label_actions(table), read_contractor_actions(recordings[stem])
        if abs(len(answers) - len(actions)) > TICKS_SLACK:
            raise RecordingError(
                f"{path} has {len(answers)} ticks, {recordings[stem]} has {len(actions)}: "
                f"expected as many, give or take {TICKS_SLACK}."
            )
        kept = np.flatnonzero(table["usable"].to_numpy() | (not usable_only))
        kept = kept[kept < len(actions)]
        predicted.append(answers[kept])
        true.append(actions[kept])
        columns = [table[f"probability.{button}"].to_numpy() for button in BUTTONS]
        probabilities.append(np.stack(columns, axis=1)[kept])
    return score(
        Actions.concatenate(predicted),
        Actions.concatenate(true),
        button_probabilities=np.concatenate(probabilities),
    )


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
