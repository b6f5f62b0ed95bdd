"""The label table: what an inverse dynamics model infers of a video, a row a tick, in a Parquet file."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from env.actions import BUTTONS, Actions
from env.errors import RecordingError
from env.files import MAX_NAME_BYTES, atomic_path
from env.video.container import PathLike

LABEL_FORMAT_VERSION = 2
LABEL_SUFFIX = ".labels.parquet"
METADATA_KEY = b"ghostkeys"
"""Under this name the file's metadata holds a JSON object."""
LONGEST = 1e9
"""Seconds; no video takes 30 years."""
ROUNDING = 1e-4
"""How far a sum of float32 probabilities may be above 1."""

LABEL_SCHEMA = pa.schema(
    [("frame", pa.int64()), ("time", pa.float64())]
    + [(button, pa.bool_()) for button in BUTTONS]
    + [("camera_pitch", pa.float32()), ("camera_yaw", pa.float32())]
    + [(f"probability.{button}", pa.float32()) for button in BUTTONS]
    + [("probability.camera", pa.float32()), ("usable", pa.bool_()), ("reason", pa.dictionary(pa.int32(), pa.string()))]
)
"""A row a tick. `frame` is the number of the source video's frame that the tick shows, in the order of presentation,
and `time` (s) its time stamp since the first frame (in format 1, `frame` was the tick); buttons and camera are those of
`Actions`; `probability.<button>` is that of its being pressed; `reason` says why a tick is not usable."""


def label_name(stem: str) -> str:
    """The file name of the labels of a video `<stem>.*`.

    A stem too long for the suffix is cut; a check sum tells it from others with the same start.
    """
    name = stem + LABEL_SUFFIX
    if len(os.fsencode(name)) <= MAX_NAME_BYTES:
        return name
    return f"{stem[:48]}-{hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]}{LABEL_SUFFIX}"


def write_labels(
    path: PathLike,
    actions: Actions,
    *,
    times: NDArray[np.float64],
    frames: NDArray[np.int64] | None = None,
    button_probabilities: NDArray[np.float32],
    camera_probability: NDArray[np.float32],
    usable: NDArray[np.bool_] | None = None,
    reasons: Sequence[str | None] | None = None,
    metadata: Mapping[str, Any],
) -> Path:
    """Write a label table; the file appears whole or not at all.

    `times` (T,) s and `frames` (T,) of the source video, by default a frame a tick; `button_probabilities` (T, 20) of
    being pressed, `camera_probability` (T,), `usable` (T,), `reasons` T. `metadata` must name the `video` (its path
    relative to the label file) and the `resampling` used ("native" or "20 Hz"); the format version is added. Raises
    `RecordingError` for values that `read_labels` refuses.
    """
    missing = {"video", "resampling"} - metadata.keys()
    if missing:
        raise ValueError(f"{path}: the metadata of a label table must hold {', '.join(sorted(missing))}.")
    length = len(actions)
    usable = np.ones(length, bool) if usable is None else usable
    reasons = [None] * length if reasons is None else reasons
    frames = np.arange(length) if frames is None else frames
    _check_shape(path, "times", times, (length,))
    _check_shape(path, "frames", frames, (length,))
    _check_shape(path, "button_probabilities", button_probabilities, (length, len(BUTTONS)))
    _check_shape(path, "camera_probability", camera_probability, (length,))
    _check_shape(path, "usable", usable, (length,))
    _check_shape(path, "reasons", np.array(reasons, object), (length,))
    columns = [
        np.asarray(frames, np.int64),
        np.asarray(times, np.float64),
        *actions.buttons.T,
        *actions.camera.T,
        *np.asarray(button_probabilities, np.float32).T,
        np.asarray(camera_probability, np.float32),
        np.asarray(usable, bool),
        pa.array(list(reasons), pa.string()).dictionary_encode(),
    ]
    content = {"format_version": LABEL_FORMAT_VERSION, "ticks": length, **metadata}
    table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=LABEL_SCHEMA)
    _check_values(path, table)
    return _write(table, content, path)


def update_label_metadata(path: PathLike, changes: Mapping[str, Any]) -> Path:
    """Write a label table again with some of its metadata changed; raises what `read_labels` raises."""
    table = read_labels(path)
    return _write(table, {**label_metadata(table), **changes}, path)


def read_labels(path: PathLike) -> pa.Table:
    """The label table of a file. Raises `RecordingError` for another kind of file, a newer format or other columns.

    Tables of format 1 are read, too: their `frame` counts the ticks.
    """
    file = Path(path)
    with _parquet(file) as parquet:
        table = parquet.read()
    metadata = _metadata_object(table.schema, file)
    version = metadata.get("format_version")
    if version not in range(1, LABEL_FORMAT_VERSION + 1):
        raise RecordingError(
            f"{file} has label format {version}; this version of ghostkeys reads up to {LABEL_FORMAT_VERSION}."
        )
    metadata = label_metadata(table, file)
    if not table.schema.equals(LABEL_SCHEMA):
        raise RecordingError(f"{file} has other columns than a label table: {_differences(table.schema)}.")
    if any(table[name].null_count for name in LABEL_SCHEMA.names if name != "reason"):
        raise RecordingError(f"{file} has empty cells; only `reason` may be null. Label the video again.")
    frames = table["frame"].to_numpy()
    if len(frames) and (frames[0] < 0 or (np.diff(frames) < 0).any()):
        raise RecordingError(f"{file}: column `frame` must not fall; rows are in another order. Label the video again.")
    if metadata.get("ticks", len(table)) != len(table):
        raise RecordingError(f"{file} has {len(table)} rows of {metadata['ticks']}; some are missing. Label it again.")
    if version == 1 and not np.array_equal(frames, np.arange(len(table))):
        raise RecordingError(f"{file}: column `frame` must count 0, 1, 2, ...; rows are missing or in another order.")
    _check_values(file, table)
    return table


def read_label_header(path: PathLike) -> tuple[dict[str, Any], int]:
    """The `label_metadata` of a file and its number of rows, without reading these. Raises `RecordingError`."""
    file = Path(path)
    with _parquet(file) as parquet:
        schema, rows = parquet.schema_arrow, int(parquet.metadata.num_rows)
    return label_metadata(schema, file), rows


@contextmanager
def _parquet(file: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file, open; what is wrong with it is a `RecordingError`."""
    if not file.is_file():
        raise RecordingError(f"{file}: no such file; expected a label table ({LABEL_SUFFIX}).")
    try:
        # Opened as one file: a folder named a=b above it is no partition.
        with file.open("rb") as content, pq.ParquetFile(content) as parquet:
            yield parquet
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RecordingError(
            f"{file} is no readable Parquet file ({_first_line(error)}); expected a label table. Label the video again."
        ) from error


def label_metadata(table: pa.Table | pa.Schema, path: PathLike = "label table") -> dict[str, Any]:
    """What a label table says about its making: `format_version`, `video`, `resampling`, check sums, ...

    Raises `RecordingError` unless it is a JSON object in which `video` names a file and `resampling` is a string.
    """
    content = _metadata_object(table if isinstance(table, pa.Schema) else table.schema, path)
    video, resampling = content.get("video"), content.get("resampling")
    if not isinstance(video, str) or not Path(video).name or "\0" in video:
        raise RecordingError(f"{path} has metadata in which `video` is no file's path. Label the video again.")
    if not isinstance(resampling, str):
        raise RecordingError(f"{path} has metadata in which `resampling` is no string. Label the video again.")
    return content


def label_actions(table: pa.Table) -> Actions:
    """The actions of a label table's rows."""
    buttons = np.stack([table[button].to_numpy() for button in BUTTONS], axis=1)
    camera = np.stack([table["camera_pitch"].to_numpy(), table["camera_yaw"].to_numpy()], axis=1)
    return Actions(buttons, camera)


def _metadata_object(schema: pa.Schema, path: PathLike) -> dict[str, Any]:
    metadata = schema.metadata or {}
    if METADATA_KEY not in metadata:
        raise RecordingError(f"{path} is no label table of ghostkeys: its metadata holds no {METADATA_KEY.decode()!r}.")
    try:
        content = json.loads(metadata[METADATA_KEY])
    except (ValueError, RecursionError) as error:
        raise RecordingError(
            f"{path} has metadata that is no JSON ({_first_line(error)}). Label the video again."
        ) from error
    if not isinstance(content, dict):
        raise RecordingError(f"{path} has metadata that is no JSON object. Label the video again.")
    return content


def _write(table: pa.Table, metadata: Mapping[str, Any], path: PathLike) -> Path:
    table = table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata)})
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
    return Path(path)


def _check_values(path: PathLike, table: pa.Table) -> None:
    """Raises `RecordingError` for values that no labelling can have given."""
    times = table["time"].to_numpy()
    if not (((times >= 0) & (times <= LONGEST)).all() and (np.diff(times) >= 0).all()):
        raise RecordingError(f"{path}: column `time` must hold seconds from 0 on that never fall.")
    for name in ("camera_pitch", "camera_yaw"):
        if not np.isfinite(table[name].to_numpy()).all():
            raise RecordingError(f"{path}: column `{name}` must hold degrees, all finite.")
    for name in table.schema.names:
        if name.startswith("probability."):
            values = table[name].to_numpy()
            if not ((values >= 0) & (values <= 1 + ROUNDING)).all():
                raise RecordingError(f"{path}: column `{name}` must hold probabilities, 0 to 1.")


def _check_shape(path: PathLike, name: str, column: ArrayLike, shape: tuple[int, ...]) -> None:
    if np.shape(column) != shape:
        raise ValueError(f"{path}: {name} have shape {np.shape(column)}; expected {shape}.")


def _differences(schema: pa.Schema) -> str:
    expected, found = set(LABEL_SCHEMA.names), set(schema.names)
    if expected - found:
        return f"without {', '.join(sorted(expected - found))}"
    if found - expected:
        return f"with {', '.join(sorted(found - expected))}"
    wrong = [field.name for field in LABEL_SCHEMA if schema.field(field.name).type != field.type]
    return f"of another type: {', '.join(wrong)}" if wrong else "in another order"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
