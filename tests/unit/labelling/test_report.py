"""The report counts what was done and says what was not."""

from pathlib import Path

import pytest

from labelling.report import LabelReport, VideoResult


@pytest.fixture
def report() -> LabelReport:
    a, b, c = (Path(f"{name}.mp4") for name in "abc")
    return LabelReport(
        [
            VideoResult(
                video=a,
                labels=a,
                status="done",
                ticks=400,
                unusable={"cut": 2, "frozen": 100, "low confidence": 50},
                confidence=0.5,
                cpu_seconds=4.0,
            ),
            VideoResult(video=b, labels=b, status="skipped"),
            VideoResult(video=c, labels=c, status="failed", reason="c.mp4 holds no frame."),
        ],
        seconds=2.0,
        low_confidence=0.2,
    )


def test_the_figures(report: LabelReport) -> None:
    assert report.as_dict() == {
        "videos": {"done": 1, "skipped": 1, "failed": 1},
        "failures": [{"video": "c.mp4", "reason": "c.mp4 holds no frame."}],
        "frames": 400,
        "usable_frames": 248,
        "usable_share": 0.62,
        "unusable_frames": {"frozen": 100, "low confidence": 50, "cut": 2},
        "low_confidence": 0.2,
        "confidence": 0.5,
        "confidence_by_video": {"a.mp4": 0.5},
        "seconds": 2.0,
        "cpu_seconds": 4.0,
        "frames_per_second": 200.0,
        "frames_per_cpu_second": 100.0,
        "times_real_time": 10.0,
    }


def test_the_table_names_each_failure_and_reason(report: LabelReport) -> None:
    text = report.as_text()
    for part in (
        "1 labelled, 1 labelled before, 1 failed",
        "400, of which 248 (62%) usable",
        "100 frozen",
        "50 low confidence, below 0.2",
        "10.0 x real time",
        "in 50% of frames",
        "c.mp4 holds no frame.",
    ):
        assert part in text


def test_a_run_without_work_has_no_speed() -> None:
    assert "speed" not in LabelReport([], 0.0).as_text()
