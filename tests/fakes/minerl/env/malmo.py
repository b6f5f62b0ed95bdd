"""The game's process, started and watched as MineRL does it: its output is read without any deadline."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from minerl.env import comms
from minerl.faults import next_fault, strike

GAME_FAULTS = ("silent", "half", "dies", "childful", "loud")
"""Faults of the game's own start."""


class InstanceManager:
    """Hands out games."""

    MINECRAFT_DIR = str(Path(__file__).parents[1] / "Minecraft")
    _base = 9000

    @classmethod
    def configure_malmo_base_port(cls, malmo_base_port: int) -> None:
        """Sets where the search for free ports begins."""
        cls._base = malmo_base_port

    @classmethod
    def get_instance(cls, pid: int) -> "MinecraftInstance":
        """A game that is not started yet."""
        port = cls._base + (17 * pid) % 3989
        while not _is_free(port):
            port += 1
        return MinecraftInstance(port)


class MinecraftInstance:
    """One game."""

    launches = 0
    """Of this process."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.running = False
        self.had_to_clean = False
        self.client_socket: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Starts the game and waits until it says that it is ready."""
        MinecraftInstance.launches += 1
        fault = next_fault("launch", MinecraftInstance.launches)
        strike(fault)
        folder = InstanceManager.MINECRAFT_DIR
        self.process = subprocess.Popen(
            [f"{folder}/launchClient.sh", "-port", str(self.port), "-env", "-runDir", f"{folder}/run"],
            cwd=folder,
            env={
                **os.environ,
                "GHOSTKEYS_FAKE_PYTHON": sys.executable,
                "GHOSTKEYS_FAKE_LAUNCH": fault if fault in GAME_FAULTS else "",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        while b"CLIENT enter state: DORMANT" not in (line := self.process.stdout.readline()):
            if not line:
                raise EOFError("Minecraft process finished unexpectedly. There was an error with Malmo.")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.running = True

    def connect(self) -> None:
        """Opens a new connection to the game."""
        self.client_socket = socket.create_connection(("127.0.0.1", self.port))

    def tick(self, request: str = "tick") -> bytes:
        """Asks the game for something; what it answers."""
        assert self.client_socket is not None
        comms.send_message(self.client_socket, request.encode())
        answer: bytes = comms.recv_message(self.client_socket)
        return answer

    def kill(self) -> None:
        """Ends the game."""
        if self.client_socket is not None:
            self.client_socket.close()
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        self.running = False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
