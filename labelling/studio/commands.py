"""The command `ghostkeys record --player human`."""
# ruff: noqa: T201

import asyncio
import secrets
import signal
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from jsonargparse import Namespace

from env.command_line import CommandParser
from env.errors import GhostkeysError
from env.making import make_env, use_minerl_python
from env.recordings.live import only_recorder, recover
from env.video.encoding import check_size
from env.video.ticks import TICKS_PER_SECOND
from labelling.studio.server import Studio
from labelling.studio.session import Session

ADDRESS = "127.0.0.1"
"""Address of this machine alone: no other can reach the page."""


def record(args: list[str]) -> int:
    """Lets a person play in the browser until Ctrl-C, and writes recordings."""
    options = _checked(_parser().parse_args(args))
    use_minerl_python(options.minerl_python)
    size = None if options.own_size else (options.size[0], options.size[1])
    with only_recorder(options.output):
        for video in recover(options.output):
            print(f"recovered {video}")
        session = Session(
            make_env(options.env, size=size, options=options.env_options),
            options.output,
            seed=options.seed,
            recording_ticks=max(1, round(options.recording_minutes * 60 * TICKS_PER_SECOND)),
        )
        with suppress(KeyboardInterrupt, asyncio.CancelledError):  # Ctrl-C, SIGTERM
            asyncio.run(serve(session, port=options.port, sensitivity=options.sensitivity, browser=options.open))
        finished = session.finished()
    print(f"{len(finished)} recordings, {sum(each.seconds for each in finished) / 60:.1f} minutes, in {options.output}")
    return 0


async def serve(session: Session, *, port: int = 0, sensitivity: float = 1.0, browser: bool = False) -> None:
    """Serves the page until Ctrl-C or SIGTERM; then the recording under way is finished.

    Raises `GhostkeysError` where the port is taken, and whatever error the game ends with.
    """
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    with suppress(NotImplementedError, RuntimeError):  # Windows; another thread than the main one
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    token = secrets.token_urlsafe(16)
    studio = Studio(session, token=token, sensitivity=sensitivity)
    runner = web.AppRunner(studio.app(), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await _listen(runner, port)
        address = f"http://{ADDRESS}:{runner.addresses[0][1]}/{token}/"
        print(f"Open {address} in a browser. Ctrl-C ends.", flush=True)
        if browser and not await asyncio.to_thread(webbrowser.open, address):
            print("There is no browser on this machine that --open could start.", flush=True)
        await studio.play()
    finally:
        await runner.cleanup()
        await studio.close()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, ADDRESS, port).start()
    except OSError as error:
        raise GhostkeysError(f"--port {port} is not to be had; expected a free one, or 0 for any. ({error})") from error


def _checked(options: Namespace) -> Namespace:
    for name in ("recording_minutes", "sensitivity"):
        if options[name] <= 0:
            raise GhostkeysError(f"--{name.replace('_', '-')} {options[name]}: expected a number above 0.")
    if not 0 <= options.port < 2**16:
        raise GhostkeysError(f"--port {options.port}: expected a number from 0 to {2**16 - 1}.")
    if options.seed < 0:
        raise GhostkeysError(f"--seed {options.seed}: expected 0 or more.")
    if not options.own_size:
        check_size(Path("--size"), tuple(options.size))
    return options


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ghostkeys record --player human",
        description="Play yourself, on a page in your browser, and record video with keys and mouse, as VPT's "
        "contractors did. All is written as you play: what a crash leaves behind is recovered at the next start.",
    )
    add = parser.add_argument
    add("--player", choices=["human"], default="human", help="who plays")
    add("--output", type=Path, required=True, help="folder for the recordings")
    add("--env", default="ghostkeys/Voxel-v0", help="gymnasium id of an environment with MineRL's actions")
    add(
        "--env-options",
        type=dict[str, Any],
        default={},
        help="keyword arguments of the environment: --env-options.NAME",
    )
    add("--minerl-python", type=Path, help="MineRL's Python, for MineRL's environments")
    add("--size", type=int, nargs=2, default=[360, 640], help="height and width of the video, both even")
    add("--own-size", action="store_true", help="leave the size of the video to the environment")
    add("--seed", type=int, default=0, help="the first world; the next have the numbers after it")
    add("--recording-minutes", type=float, default=5.0, help="a longer one is cut, without a gap, as contractors' were")
    add("--sensitivity", type=float, default=1.0, help="of the mouse; 1 turns 0.15 degrees a pixel")
    add("--port", type=int, default=0, help="of the page on this machine; 0 takes a free one")
    add("--open", action="store_true", help="open the page in this machine's browser")
    return parser
