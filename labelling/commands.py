"""The command `ghostkeys label`."""
# ruff: noqa: T201

from pathlib import Path

from env.command_line import CommandParser
from env.files import write_json
from labelling.engine import label_videos
from labelling.source import FrameRate


def label(args: list[str]) -> int:
    """Labels many videos; exit status 1 when some could not be."""
    options = _parser().parse_args(args)
    report = label_videos(
        options.videos,
        checkpoint=options.checkpoint,
        output=options.output,
        fps=options.fps,
        workers=options.workers,
        window=options.window,
        batch=options.batch,
        recursive=options.recursive,
        keep_prefix=options.keep_prefix,
        low_confidence=options.low_confidence,
        device=options.device,
        together=options.together,
        precision=options.precision,
        compiled=options.compiled,
    )
    print(report.as_text())
    if options.json:
        write_json(options.json, report.as_dict())
    return 1 if report.with_status("failed") else 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ghostkeys label",
        description="Infers the keys and the mouse behind videos: <stem>.labels.parquet for each. "
        "Started again, it skips what is done.",
    )
    add = parser.add_argument
    add("videos", nargs="+", help="video files, folders of videos, or patterns such as 'night/*/*.mp4'")
    add("--checkpoint", type=Path, required=True, help="folder of the trained inverse dynamics model")
    add("--output", type=Path, required=True, help="folder for the label files")
    add(
        "--fps",
        type=FrameRate,
        default="auto",
        help="auto follows the time stamps, native takes each frame for a tick, a number is the frames' true rate",
    )
    add("--workers", type=int | None, default=None, help="processes (default: the usable processors)")
    add("--window", type=int | None, default=None, help="ticks the model sees at once (default: as it was trained)")
    add("--batch", type=int, default=4, help="windows inferred together")
    add("--recursive", action="store_true", help="also label the videos in folders below")
    add(
        "--low-confidence",
        type=float,
        default=0.01,
        help="ticks with a smaller probability that all keys and the mouse are right are marked unusable; 0 marks none",
    )
    add("--keep-prefix", action="store_true", help="label the good part of a video that is cut off")
    add("--device", default="auto", help="auto, cpu, cuda, or one GPU such as cuda:1")
    add("--together", type=int, default=1, help="for GPUs: videos that threads of one process decode for one model")
    add(
        "--precision",
        choices=["float32", "bfloat16"],
        default="float32",
        help="of the model's products; bfloat16 is for GPUs, faster and less exact",
    )
    add("--compiled", action="store_true", help="let torch.compile build the image network; pays for many videos")
    add("--json", type=Path | None, default=None, help="write the summary here, too")
    return parser
