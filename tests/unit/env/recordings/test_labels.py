"""Label tables come back as they were written, and nothing else is taken for one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from env import BUTTONS, Actions
from env.errors import RecordingError
from env.recordings.labels import LABEL_SCHEMA, METADATA_KEY, label_actions, label_metadata, read_labels, write_labels

METADATA = {"video": "clip.mp4", "resampling": "native", "video_sha256": "00", "window": 64}


def write(path: Path, **changes: Any) -> Path:
    length = 6
    generator = np.random.default_rng(0)
    actions = Actions(generator.random((length, 20)) < 0.3, generator.normal(size=(length, 2)).astype(np.float32))
    columns: dict[str, Any] = {
        "times": np.arange(length) / 20,
        "button_probabilities": generator.random((length, 20)).astype(np.float32),
        "camera_probability": generator.random(length).astype(np.float32),
        "usable": np.arange(length) != 2,
        "reasons": [None, None, "cut", *[None] * (length - 3)],
        "metadata": METADATA,
    }
    return write_labels(path, actions, **columns | changes)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return write(tmp_path / "clip.labels.parquet")


def test_round_trip(labels: Path) -> None:
    table = read_labels(labels)
    generator = np.random.default_rng(0)
    expected = Actions(generator.random((6, 20)) < 0.3, generator.normal(size=(6, 2)).astype(np.float32))
    probabilities = generator.random((6, 20)).astype(np.float32)

    assert label_actions(table) == expected
    assert table.column_names[:3] == ["frame", "time", BUTTONS[0]]
    assert table["usable"].to_pylist() == [True, True, False, True, True, True]
    assert table["reason"].to_pylist() == [None, None, "cut", None, None, None]
    np.testing.assert_array_equal(table["probability.use"].to_numpy(), probabilities[:, BUTTONS.index("use")])
    np.testing.assert_allclose(table["time"].to_numpy(), np.arange(6) / 20)
    assert label_metadata(table) == {"format_version": 2, "ticks": 6, **METADATA}


def test_ticks_are_usable_unless_told_otherwise(tmp_path: Path) -> None:
    table = read_labels(write(tmp_path / "clip.labels.parquet", usable=None, reasons=None))
    assert all(table["usable"].to_pylist())
    assert table["reason"].null_count == 6


def test_the_same_labels_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write(tmp_path / f"{name}.labels.parquet").read_bytes() for name in "ab")
    assert first == second


def test_frames_of_the_source_are_kept(tmp_path: Path) -> None:
    table = read_labels(write(tmp_path / "clip.labels.parquet", frames=np.array([0, 3, 6, 6, 9, 12])))
    assert table["frame"].to_pylist() == [0, 3, 6, 6, 9, 12]


def test_tables_of_format_1_are_read(labels: Path) -> None:
    old = {METADATA_KEY: json.dumps({"format_version": 1, **METADATA})}
    pq.write_table(pq.ParquetFile(labels).read().replace_schema_metadata(old), labels)
    assert label_metadata(read_labels(labels))["format_version"] == 1


@pytest.mark.parametrize(
    "column", ["times", "frames", "button_probabilities", "camera_probability", "usable", "reasons"]
)
def test_columns_of_another_length_are_refused_and_nothing_is_left(tmp_path: Path, column: str) -> None:
    wrong: Any = (
        np.zeros((5, 20)) if column == "button_probabilities" else [None] * 5 if column == "reasons" else np.zeros(5)
    )
    with pytest.raises(ValueError, match=rf"clip\.labels\.parquet: {column} have shape .*; expected \(6,"):
        write(tmp_path / "clip.labels.parquet", **{column: wrong})
    assert not list(tmp_path.iterdir())


def test_the_video_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold resampling, video"):
        write(tmp_path / "clip.labels.parquet", metadata={})


def spoil(path: Path, how: str) -> None:
    table = pq.ParquetFile(path).read()
    if how == "missing":
        path.unlink()
    elif how == "text":
        path.write_text("frame,time\n")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    elif how == "another table":
        pq.write_table(pa.table({"a": [1]}), path)
    elif how == "newer":
        pq.write_table(table.replace_schema_metadata({METADATA_KEY: b'{"format_version": 9}'}), path)
    elif how == "without a column":
        pq.write_table(table.drop_columns(["usable"]), path)
    elif how == "with a column":
        pq.write_table(table.append_column("extra", [[0] * 6]), path)
    elif how == "of another type":
        pq.write_table(table.set_column(0, "frame", pa.array(range(6), pa.int32())), path)
    elif how == "with an empty cell":
        pq.write_table(table.set_column(1, "time", pa.array([None] * 6, pa.float64())), path)
    elif how == "without a row":
        pq.write_table(pa.concat_tables([table[:2], table[3:]]), path)
    elif how == "in another order":
        pq.write_table(pa.concat_tables([table[2:], table[:2]]), path)
    elif how == "old, without a row":
        old = {METADATA_KEY: json.dumps({"format_version": 1, **METADATA})}
        pq.write_table(pa.concat_tables([table[:2], table[3:]]).replace_schema_metadata(old), path)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "no such file; expected a label table"),
        ("text", "is no readable Parquet file"),
        ("empty", "is no readable Parquet file"),
        ("cut off", "is no readable Parquet file"),
        ("another table", "is no label table of ghostkeys"),
        ("newer", "has label format 9; this version of ghostkeys reads up to 2"),
        ("without a column", "has other columns than a label table: without usable"),
        ("with a column", "with extra"),
        ("of another type", "of another type: frame"),
        ("with an empty cell", "only `reason` may be null"),
        ("without a row", "has 5 rows of 6; some are missing"),
        ("in another order", "`frame` must not fall"),
        ("old, without a row", "`frame` must count 0, 1, 2"),
    ],
)
def test_what_is_no_label_table_says_why(labels: Path, how: str, message: str) -> None:
    spoil(labels, how)
    with pytest.raises(RecordingError, match=message) as error:
        read_labels(labels)
    assert str(labels) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    assert read_labels(write(tmp_path / "day=1" / "clip.labels.parquet")).schema.names == LABEL_SCHEMA.names
