"""Video files: their frames by number and by time, written and read through PyAV."""

from env.video.frames import FrameReader, VideoInfo, VideoWriter, probe, read_frames, read_ticks, resize, write_video

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
