"""The bridge to MineRL beside the game's protocol: MineRL's real Python, and a game that is the embedded world."""

import json
import os
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import gymnasium
import numpy as np
import psutil
import pytest

from agents.scripted import ScriptedPlayer
from env.actions import no_op
from env.errors import GhostkeysError
from env.minerl.client import NATIVE_SIZE
from env.minerl.process import MineRLError
from env.minerl.progress import Progress
from env.voxel.environment import VoxelEnv
from tests.fakes.minecraft_server import FAULTS, HUGE, VERSION, Fault, FaultFile, FixedFault, MinecraftServer
from tests.fakes.minecraft_world import Mission, MissionError, keep_statistics
from tests.fakes.real_minerl import real_minerl

ROOT = Path(__file__).parents[2]
GAME = ROOT / "tests" / "fakes" / "minecraft"
TICKS = 300
SEED = 3
START = {"inventory": {"oak_log": 8}}
"""With logs to begin with, a table is made within `TICKS`."""
HIGH = {"position": (100.5, 120.0, 100.5), "yaw": 90.0, "pitch": 45.0}
"""A start from which one falls to death."""
SIZE = (36, 64)
NAMESPACE = "http://ProjectMalmo.microsoft.com"
VIDEO = f"<VideoProducer><Width>{SIZE[1]} </Width><Height>{SIZE[0]}</Height></VideoProducer>"

STEP_FAULTS = [name for name, places in FAULTS.items() if "step" in places and name != "dead"]
RESET_FAULTS = [("hang", "quit"), ("hang", "init"), ("exit", "init")] + [
    (name, [place for place in places if place != "step"][-1]) for name, places in FAULTS.items() if places != ("step",)
]
"""Each where it strikes last, and some before."""


# --- the server alone -------------------------------------------------------------------------------------------------


class Client:
    """The least that speaks the game's protocol."""

    def __init__(self, server: MinecraftServer, *, start: str = "", token: str = f"uid:0:0:1:true:{SEED}") -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=20.0)
        self._token, self._start = token, start
        self.send(f"<MalmoEnv{VERSION}/>")

    def send(self, message: str) -> None:
        self._socket.sendall(struct.pack("!I", len(message.encode())) + message.encode())

    def receive(self) -> bytes:
        (length,) = struct.unpack("!I", self._exactly(4))
        return self._exactly(length)

    def integer(self) -> int:
        return int.from_bytes(self.receive(), "big")

    def begin(self) -> int:
        self.send("<Quit/>")
        assert self.integer() == 1
        return self.init()

    def init(self) -> int:
        self.send(mission(self._start))
        self.send(self._token)
        return self.integer()

    def peek(self) -> tuple[bytes, bytes, int]:
        self.send("<Peek/>")
        return self.receive(), self.receive(), self.integer()

    def step(self, commands: str) -> tuple[bytes, float, int, dict[str, Any]]:
        self.send(f"<StepClient0>{commands}</StepClient0 >")
        picture, (reward, done, sent) = self.receive(), struct.unpack("!dbb", self.receive())
        assert sent == 1
        state = json.loads(self.receive())
        self.send("<StepServer></StepServer>")
        return picture, reward, done, state

    def within(self, seconds: float) -> bytes:
        """What comes until nothing came for so long."""
        self._socket.settimeout(seconds)
        content = b""
        while True:
            try:
                content += self._socket.recv(1024)
            except TimeoutError:
                return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _exactly(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            try:
                received = self._socket.recv(count - len(content))
            except ConnectionError:
                received = b""
            if not received:
                raise EOFError(content)
            content += received
        return content


def mission(start: str = "") -> str:
    return (
        f'<MissionInit xmlns="{NAMESPACE}"><Mission><AgentSection><AgentStart>{start}</AgentStart>'
        f"<AgentHandlers>{VIDEO}</AgentHandlers></AgentSection></Mission></MissionInit>"
    )


def commands(action: Mapping[str, Any]) -> str:
    """As MineRL writes them."""
    turns = " ".join(str(turn) for turn in np.asarray(action["camera"], np.float32).tolist())
    return "\n".join([f"{name} {value}" for name, value in action.items() if name != "camera"] + [f"camera {turns}"])


def test_the_server_shows_the_embedded_world_bottom_row_first() -> None:
    env = VoxelEnv(SIZE)
    observation, _ = env.reset(seed=SEED)
    player = ScriptedPlayer("gatherer")
    player.reset(env, seed=1)
    with MinecraftServer() as server, Client(server) as client:
        assert client.begin() == 1
        picture, state, done = client.peek()
        for _ in range(40):
            assert picture == observation["pov"][::-1].tobytes()
            action = no_op() | player.act(observation)
            observation, *_ = env.step(action)
            picture, reward, done, told = client.step(commands(action))
            assert (reward, done) == (0.0, 0)
            place = observation["location_stats"]
            assert {name: np.float32(told[name]) for name in place} == {
                name: value[()] for name, value in place.items()
            }
        assert json.loads(state)["isGuiOpen"] is False


def test_equal_seeds_are_equal_worlds() -> None:
    with MinecraftServer() as server:
        pictures = []
        for token in ("a:0:0:1:true:5", "b:0:0:1:true:5", "c:0:0:1:true:6"):
            with Client(server, token=token) as client:
                client.begin()
                pictures.append(client.peek()[0])
    assert pictures[0] == pictures[1] != pictures[2]


def test_a_mission_sets_what_an_episode_starts_with() -> None:
    stacks = '<InventoryObject slot="0" type="dirt" quantity="64"/><InventoryObject slot="1" type="dirt" quantity="3"/>'
    place = '<Placement x="8.5" y="90" z="7.5" yaw="90.0" pitch="-4.0"/>'
    read = Mission.read(
        mission(f"<Inventory>{stacks}</Inventory>{place}<PreferredSpawnBiome>icy</PreferredSpawnBiome>")
    )
    assert read.size == SIZE
    assert read.options == {
        "inventory": {"dirt": 67},
        "position": (8.5, 90.0, 7.5),
        "yaw": 90.0,
        "pitch": -4.0,
        "biome": "snow",
    }
    with pytest.raises(MissionError, match="SpawnInVillage"):
        Mission.read(mission("<SpawnInVillage>true</SpawnInVillage>"))
    with pytest.raises(MissionError, match="slot 4; expected slot 0"):
        Mission.read(mission('<Inventory><InventoryObject slot="4" type="dirt"/></Inventory>'))


def test_an_unknown_key_or_message_ends_the_connection(capfd: pytest.CaptureFixture[str]) -> None:
    with MinecraftServer() as server:
        for message in ("<StepClient0>fly 1</StepClient0 >", "<StepClient0>jump high</StepClient0 >", "<Hello/>"):
            with Client(server) as client:
                client.begin()
                client.send(message)
                with pytest.raises(EOFError):
                    client.receive()
    told = capfd.readouterr().err
    assert "'fly' is no name" in told
    assert "'jump high'" in told
    assert "'<Hello/>'" in told


@pytest.mark.parametrize("inventory", [{}, {"oak_log": 8}], ids=["nothing", "logs"])
def test_the_statistics_tell_what_the_embedded_worlds_ledger_knows(inventory: dict[str, int]) -> None:
    """Pictures are left out, so that long plays take seconds."""
    for seed in (3, 5):
        env = VoxelEnv(SIZE, task="diamond_pickaxe")
        env.reset(seed=seed, options={"inventory": inventory})
        statistics = keep_statistics(env.game)
        progress = Progress({}, inventory)
        player = ScriptedPlayer("crafter")
        player.reset(env, seed=seed)
        for tick in range(1, 1201):
            env.advance(player.act({}))
            held = Counter[str]()
            for stack in env.player.inventory.stacks():
                held[str(stack["type"])] += int(stack["quantity"])
            progress.update({name: dict(counts) for name, counts in statistics.counts.items()}, held, tick=tick)
        assert progress.ledger.milestones == env.game.ledger.milestones
        assert +progress.ledger.most == +env.game.ledger.most
        assert {"planks", "crafting_table"} <= progress.ledger.milestones.keys()


def test_faults_of_the_reply_reach_the_client_as_named() -> None:
    """What the client receives of a step's reply, until it ends or is complete."""
    whole = 3 * SIZE[0] * SIZE[1]
    expected = {"eof_before_obs": 0, "eof_before_reply": 1, "eof_before_info": 2, "hang_up": 0}
    for name, parts in expected.items():
        assert len(_reply(name)) == parts, name
    assert {name: len(_reply(name)[0]) - whole for name in ("short_frame", "long_frame", "empty_frame")} == {
        "short_frame": -3,
        "long_frame": 3,
        "empty_frame": -whole,
    }
    with pytest.raises(json.JSONDecodeError):
        json.loads(_reply("bad_json")[2])
    assert struct.unpack("!dbb", _reply("dead")[1]) == (0.0, 1, 1)


def _reply(fault: str) -> list[bytes]:
    parts: list[bytes] = []
    with MinecraftServer(faults=FixedFault(Fault(fault, 2))) as server, Client(server) as client:
        client.begin()
        client.step(commands(no_op()))
        client.send(f"<StepClient0>{commands(no_op())}</StepClient0 >")
        with suppress(EOFError):
            while len(parts) < 3:
                parts.append(client.receive())
    return parts


def test_faults_of_the_start_reach_the_client_as_named() -> None:
    with failing("busy", "init") as client:
        assert client.begin() == 0
    with failing("peek_done", "peek") as client:
        client.begin()
        assert client.peek()[2] == 1
    with failing("huge_length", "quit") as client:
        client.send("<Quit/>")
        assert client.within(0.5)[:4] == struct.pack("!I", HUGE)
    with failing("wrong_version", "hello") as client, pytest.raises(EOFError):
        client.begin()
    for name, most in (("hang", 0), ("slow", 1)):
        with failing(name, "quit") as client:
            client.send("<Quit/>")
            assert len(client.within(0.3)) <= most, name


@contextmanager
def failing(fault: str, place: str) -> Iterator[Client]:
    """A client of a server with a fault."""
    with MinecraftServer(faults=FixedFault(Fault(fault, place))) as server, Client(server) as client:
        yield client


def test_a_game_ends_as_it_is_told_to_and_as_its_fault_says() -> None:
    ended: list[int] = []
    with MinecraftServer(on_exit=ended.append) as server, Client(server) as client:
        client.send("<Exit>NOW</Exit>")
        assert client.integer() == 1
        assert server.closed.wait(10.0)
    fault = FixedFault(Fault("exit", "init"))
    with MinecraftServer(faults=fault, on_exit=ended.append) as server, Client(server) as client:
        with pytest.raises(EOFError):
            client.begin()
        assert server.closed.wait(10.0)
    assert ended == [0, 1]


def test_a_fault_in_a_file_strikes_once(tmp_path: Path) -> None:
    faults = FaultFile(tmp_path / "fault")
    with MinecraftServer(faults=faults) as server, Client(server) as client:
        assert client.begin() == 1
        faults.plan(Fault("busy", "init"))
        assert (client.init(), client.init()) == (0, 1)
        assert not list(tmp_path.iterdir())


def test_faults_that_cannot_be_are_refused() -> None:
    with pytest.raises(GhostkeysError, match="there is no fault 'rain'"):
        Fault("rain", 1)
    with pytest.raises(GhostkeysError, match="busy cannot strike at 1; expected init"):
        Fault("busy", 1)


# --- the bridge, MineRL's real Python, and the server -----------------------------------------------------------------


@pytest.fixture(scope="module")
def python() -> Path:
    """MineRL's Python: one with MineRL 1.0 that is named in the environment, else 0.4.4's from a registry."""
    if named := os.environ.get("GHOSTKEYS_MINERL_PYTHON"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    made = real_minerl(cache / "ghostkeys-tests" / "minerl-0.4.4")
    if made is None:
        pytest.skip("MineRL's Python cannot be downloaded here")
    return made


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FaultFile]:
    """The game's faults. Afterwards no process is left that was started meanwhile."""
    mark = f"{os.getpid()}-{tmp_path}"
    variables = {"PYTHON": sys.executable, "ROOT": str(ROOT), "FAULTS": str(tmp_path / "fault"), "MARK": mark}
    for name, value in variables.items():
        monkeypatch.setenv(f"GHOSTKEYS_FAKE_{name}", value)
    monkeypatch.delenv("GHOSTKEYS_MINECRAFT_DIR", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")  # no X server for a game that draws nothing
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # for what MineRL 0.4.4 leaves there when it is killed
    yield FaultFile(tmp_path / "fault")
    assert left_over(mark) == []


def left_over(mark: str) -> list[str]:
    """Command lines of the processes that carry a test's mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("GHOSTKEYS_FAKE_MARK") == mark:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def bridge(python: Path, **arguments: Any) -> gymnasium.Env[Any, Any]:
    """MineRL's environment, with deadlines that suit a game which starts in seconds."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)  # with it, MineRL 0.4.4 asserts what a newer gym does not give
    limits = {"launch_deadline": 60.0, "reset_deadline": 20.0, "step_deadline": 5.0, "attempts": 1, "backoff": 0.0}
    given = {"python": python, "minecraft": GAME, **limits, **arguments}
    return gymnasium.make("ghostkeys/MineRL-v0", disable_env_checker=True, **given)


def assert_same(found: Mapping[str, Any], expected: Mapping[str, Any], *, at: int) -> None:
    """Two observations, or two infos, equal bit for bit. Minecraft does not count the empty slots, as `air`."""
    assert found.keys() == expected.keys(), at
    for name, value in expected.items():
        if isinstance(value, Mapping):
            assert_same(found[name], value, at=at)
        elif name == "inventory":
            assert _counts(found[name]) == _counts(value), at
        elif name != "air" or found[name].dtype == np.float32:
            assert np.array_equal(found[name], value), f"{name} at {at}: {found[name]}, expected {value}"


def _counts(stacks: list[dict[str, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for stack in stacks:
        counts[stack["type"]] += stack["quantity"]
    return counts


def test_play_through_minerl_equals_play_without_it(python: Path, faults: FaultFile) -> None:
    direct = VoxelEnv(NATIVE_SIZE, task="diamond_pickaxe")
    through = bridge(python, task="diamond_pickaxe")
    assert through.observation_space == direct.observation_space
    observation, info = direct.reset(seed=SEED, options=START)
    found, told = through.reset(seed=SEED, options=START)
    player = ScriptedPlayer("crafter")
    player.reset(direct, seed=SEED)
    total = 0.0
    for tick in range(TICKS):
        assert_same(found, observation, at=tick)
        assert_same(told, info, at=tick)
        action = player.act(observation)
        observation, reward, *ends, info = direct.step(action)
        found, same_reward, *same_ends, told = through.step(action)
        assert (same_reward, same_ends) == (reward, ends), tick
        total += reward
    assert told["milestones"].keys() == {"oak_planks", "planks", "crafting_table", "stick"}
    assert total > 2.0
    through.close()


def test_a_deadly_fall_ends_the_episode_in_both(python: Path, faults: FaultFile) -> None:
    direct, through = VoxelEnv(NATIVE_SIZE), bridge(python)
    observation, _ = direct.reset(seed=SEED, options=HIGH)
    found, _ = through.reset(seed=SEED, options=HIGH)
    terminated, tick = False, 0
    while not terminated and tick < 200:
        assert_same(found, observation, at=tick)
        observation, _, terminated, _, _ = direct.step({})
        found, reward, same, truncated, told = through.step({})
        assert (same, truncated, reward) == (terminated, False, 0.0)
        assert "invalid" not in told
        tick += 1
    assert terminated
    assert found["life_stats"]["life"] == 0.0
    through.close()


@pytest.mark.timeout(900)
def test_a_step_that_fails_voids_the_episode_and_the_next_one_plays(python: Path, faults: FaultFile) -> None:
    direct, through = VoxelEnv(NATIVE_SIZE), bridge(python, step_deadline=4.0)
    first, _ = direct.reset(seed=SEED)
    second = direct.step({"forward": 1})[0]
    for name in STEP_FAULTS:
        found, _ = through.reset(seed=SEED)
        assert np.array_equal(found["pov"], first["pov"]), name
        through.step({"forward": 1})
        faults.plan(Fault(name, 2))
        for _ in range(2):
            found, reward, terminated, truncated, told = through.step({"forward": 1})
            assert (reward, terminated, truncated) == (0.0, False, True), name
            assert np.array_equal(found["pov"], second["pov"]), name
            assert told["invalid"], name
    found, _ = through.reset(seed=SEED)
    assert np.array_equal(found["pov"], first["pov"])
    assert "invalid" not in through.step({})[4]
    through.close()


@pytest.mark.timeout(900)
def test_a_reset_that_fails_is_done_again(python: Path, faults: FaultFile) -> None:
    through = bridge(python, attempts=2, reset_deadline=10.0)
    first, _ = VoxelEnv(NATIVE_SIZE).reset(seed=SEED)
    for name, place in RESET_FAULTS:
        faults.plan(Fault(name, place))
        found, told = through.reset(seed=SEED)
        assert np.array_equal(found["pov"], first["pov"]), (name, place)
        assert told["milestones"] == {}
    through.close()


def test_death_is_no_failure(python: Path, faults: FaultFile) -> None:
    through = bridge(python)
    through.reset(seed=SEED)
    faults.plan(Fault("dead", 1))
    found, _, terminated, truncated, told = through.step({})
    assert (terminated, truncated, "invalid" in told) == (True, False, False)
    assert found["life_stats"]["is_alive"] == 0.0
    through.close()


@pytest.mark.parametrize("launch", ["never", "dies", "hangs"])
def test_a_game_that_does_not_start_is_an_error(
    python: Path, faults: FaultFile, monkeypatch: pytest.MonkeyPatch, launch: str
) -> None:
    monkeypatch.setenv("GHOSTKEYS_FAKE_LAUNCH", launch)
    through = bridge(python, launch_deadline=25.0)
    with pytest.raises(MineRLError, match=r"MineRLHumanSurvival-v0 could not be reset, 1 times: "):
        through.reset(seed=SEED)
    monkeypatch.setenv("GHOSTKEYS_FAKE_LAUNCH", "normal")
    found, _ = through.reset(seed=SEED)
    assert found["life_stats"]["life"] == 20.0
    through.close()


def test_a_games_children_end_with_it(python: Path, faults: FaultFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GHOSTKEYS_FAKE_LAUNCH", "children")
    through = bridge(python)
    through.reset(seed=SEED)
    assert sum("sleep 1000" in command for command in left_over(os.environ["GHOSTKEYS_FAKE_MARK"])) == 2
    through.close()
