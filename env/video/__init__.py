"""Video files: their frames by number and by time, written and read through PyAV."""

from env.video.encoding import VideoWriter, write_video
from env.video.frames import FrameReader, VideoInfo, probe, read_frames, read_ticks
from env.video.pictures import resize

__all__ = [
    "FrameReader",
    "VideoInfo",
    "VideoWriter",
    "probe",
    "read_frames",
    "read_ticks",
    "resize",
    "write_video",
]
