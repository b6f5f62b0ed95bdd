"""`ghostkeys record --player human`: what it plays, and one line for what it cannot do."""

import asyncio
import re
import socket
import webbrowser
from pathlib import Path

import pytest

import ghostkeys
from env.recordings.live import only_recorder
from labelling.studio.commands import serve
from labelling.studio.session import Session
from tests.unit.labelling.studio.echo import ENV_ID, Echo


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--env ghostkeys/Vexel-v0", "--env ghostkeys/Vexel-v0: .*Did you mean ghostkeys/Voxel-v0"),
        ("--env nowhere:Game-v0", "--env nowhere:Game-v0 cannot be made: .*nowhere"),
        ("--env CartPole-v1", "CartPole-v1 has one size of picture only: .*--own-size"),
        ("--env CartPole-v1 --own-size", "CartPole-v1 shows no picture: .*lack `pov`"),
        ("--env-options.tusk x", "--env-options.tusk: .*did you mean task"),
        ("--size 361 640", "--size: .*frames of 361x640; .*even height and width"),
        ("--size 0 0", "frames of 0x0; .*even height and width"),
        ("--size 10000 10000", "frames of 10000x10000; .*2 to 8192"),
        ("--recording-minutes 0", "--recording-minutes 0.0: expected a number above 0"),
        ("--sensitivity -1", "--sensitivity -1.0: expected a number above 0"),
        ("--port 65536", "--port 65536: expected a number from 0 to 65535"),
        ("--seed -1", "--seed -1: expected 0 or more"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path, arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ghostkeys.main(["record", "--player", "human", "--output", str(tmp_path), *arguments.split()]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.search(f"^ghostkeys: error: .*{message}", shown.err)
    assert shown.err.count("\n") == 1
    assert len(shown.err) < 500


def test_a_folder_in_use_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with only_recorder(tmp_path):
        assert ghostkeys.main(["record", "--player=human", "--output", str(tmp_path)]) == 1
    shown = capsys.readouterr().err
    assert "choose another --output" in shown
    assert shown.count("\n") == 1


def test_a_port_in_use_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = f"record --player human --output {tmp_path} --env {ENV_ID} --own-size --port {port}"
        assert ghostkeys.main(arguments.split()) == 1
    shown = capsys.readouterr().err
    assert f"--port {port} is not to be had" in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("there_is_one", [True, False])
def test_the_page_is_opened_where_there_is_a_browser(
    tmp_path: Path, there_is_one: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    shown = ""

    def open_page(address: str) -> bool:
        opened.append(address)
        return there_is_one

    async def run() -> None:
        serving = asyncio.create_task(serve(Session(Echo(), tmp_path, seed=0, recording_ticks=100), browser=True))
        nonlocal shown
        while not opened or not (there_is_one or "There is no browser" in shown):
            await asyncio.sleep(0.01)
            shown += capsys.readouterr().out
        serving.cancel()
        await asyncio.wait([serving])

    monkeypatch.setattr(webbrowser, "open", open_page)
    asyncio.run(run())
    shown += capsys.readouterr().out
    assert f"Open {opened[0]} in a browser" in shown
    assert ("There is no browser" in shown) == (not there_is_one)
