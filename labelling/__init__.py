"""A trained inverse dynamics model over many videos, and what its labels are worth."""

from env.recordings.labels import read_labels
from labelling.engine import label_videos
from labelling.report import LabelReport, VideoResult
from labelling.scoring import score_labels

__all__ = ["LabelReport", "VideoResult", "label_videos", "read_labels", "score_labels"]
