"""The commands `ghostkeys data check`, `data clean` and `data fetch`."""
# ruff: noqa: T201

from pathlib import Path

from env.command_line import CommandParser, check_at_least_1
from env.errors import GhostkeysError
from env.files import write_json
from env.recordings.check import check_recordings
from env.recordings.clean import removable, remove
from env.recordings.download import DownloadSettings
from env.recordings.fetch import FetchReport, fetch


def data_check(args: list[str]) -> int:
    """Tells what is wrong with recordings and what is in them; exit status 1 when one is bad."""
    parser = CommandParser(
        prog="ghostkeys data check",
        description="Reads recordings (video with a player's actions, or with labels), and prints what is wrong with "
        "each and what they hold together. Exit status 1 when one is bad.",
    )
    add = parser.add_argument
    add("paths", nargs="+", help="folders of recordings, or recordings")
    add("--keys", type=Path | None, default=None, help="YAML with the key table of another game than Minecraft")
    add("--quick", action="store_true", help="look at the videos' tables only; without it every frame is decoded")
    add("--workers", type=int | None, default=None, help="recordings read at once (default: the usable processors)")
    add("--json", type=Path | None, default=None, help="write the report here, too")
    options = parser.parse_args(args)
    if options.workers is not None:
        check_at_least_1(workers=options.workers)
    report = check_recordings(
        options.paths, keys=options["keys"], decode_all=not options.quick, workers=options.workers
    )
    print(report.as_text())
    if options.json is not None:
        write_json(options.json, report.as_dict())
    return 1 if report.bad else 0


def data_clean(args: list[str]) -> int:
    """Lists and removes decoded frames and what killed processes have left."""
    parser = CommandParser(
        prog="ghostkeys data clean",
        description="Removes the decoded frames below a folder, which training makes anew when it needs them, and the "
        "temporary files of processes that no longer run. Recordings, labels and models stay.",
    )
    parser.add_argument("folder", type=Path, help="folder to look through, to the bottom")
    parser.add_argument("--dry-run", action="store_true", help="only list the files")
    options = parser.parse_args(args)
    if not options.folder.is_dir():
        raise GhostkeysError(f"{options.folder}: there is no such folder.")
    found = removable(options.folder)
    for file in found:
        print(f"{file.bytes / 1e6:10.1f} MB  {file.path}")
    if not options.dry_run:
        remove(found)
    total = sum(file.bytes for file in found) / 1e9
    print(f"{options.folder}: {len(found)} files, {total:.2f} GB {'to remove' if options.dry_run else 'removed'}")
    return 0


def data_fetch(args: list[str]) -> int:
    """Downloads contractor recordings; exit status 1 when some failed, or none are there."""
    parser = CommandParser(
        prog="ghostkeys data fetch",
        description="Downloads the recordings of an index file of OpenAI's contractor data, in its order. Started "
        "again, it goes on where it stopped. Recordings that the server does not have are passed over.",
    )
    add = parser.add_argument
    add("index", help='file or http(s) address of {"basedir": ..., "relpaths": [...]}')
    add("--output", type=Path, required=True, help="folder for the recordings")
    add("--hours", type=float | None, default=None, help="stop when so many hours of play are there (default: all)")
    add("--workers", type=int, default=8, help="recordings downloaded at once")
    add("--seed", type=int | None, default=None, help="shuffle the index, the same way for the same number")
    add("--timeout", type=float, default=30.0, help="seconds after which a silent server has stalled")
    add("--retries", type=int, default=5, help="how often a file is tried again after a failure that may pass")
    add("--retry-delay", type=float, default=1.0, help="seconds before the first retry; doubled for each further one")
    add("--json", type=Path | None, default=None, help="write the report here, too")
    options = parser.parse_args(args)
    settings = DownloadSettings(timeout=options.timeout, retries=options.retries, delay=options.retry_delay)
    report = fetch(
        options.index,
        options.output,
        hours=options.hours,
        workers=options.workers,
        seed=options.seed,
        settings=settings,
    )
    print(_summary(report, options.output, options.hours))
    if options.json is not None:
        write_json(options.json, report.as_dict())
    return 1 if report.failed or not report.recordings else 0


def _summary(report: FetchReport, output: Path, hours: float | None) -> str:
    lines = [f"failed {path}: {reason}" for path, reason in report.failed]
    counts = f"{len(report.fetched)} fetched, {len(report.present)} already there"
    lines.append(f"{output}: {report.hours:.2f} hours in {report.recordings} recordings ({counts})")
    lines.append(f"{len(report.absent)} absent on the server, {len(report.failed)} failed")
    if hours is not None and report.hours < hours:
        lines.append(f"the index has no more: {hours:g} hours were asked for")
    return "\n".join(lines)
