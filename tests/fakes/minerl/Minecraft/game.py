"""The stand-in's game: a process of its own that answers each tick with a message, or with what is none.

It prints the lines MineRL waits for. `GHOSTKEYS_FAKE_LAUNCH` in its environment names a fault of its start.
"""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time

FOREVER = 1000.0


def main() -> None:
    """Serves one connection after another."""
    port, fault = int(sys.argv[sys.argv.index("-port") + 1]), os.environ.get("GHOSTKEYS_FAKE_LAUNCH")
    server = socket.create_server(("127.0.0.1", port))
    _say("[main] loading")
    if fault == "silent":
        time.sleep(FOREVER)
    _say(f"***** Start MalmoEnvServer on port {port}")
    if fault == "dies":
        sys.exit(1)
    if fault == "half":
        time.sleep(FOREVER)
    if fault == "childful":
        subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(1000)"], start_new_session=True)
    if fault == "loud":
        sys.stdout.buffer.write(b"\xff\xfe noise \x80\n" * 200_000)
    _say("CLIENT enter state: DORMANT")
    while True:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            _serve(connection)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _serve(connection: socket.socket) -> None:
    while header := connection.recv(4, socket.MSG_WAITALL):
        request = connection.recv(struct.unpack("!I", header)[0], socket.MSG_WAITALL)
        if request == b"exit":
            sys.exit(0)
        if request == b"eof":
            connection.sendall(struct.pack("!I", 100) + b"half")
            return
        if request == b"huge":
            connection.sendall(struct.pack("!I", 2**31) + b"x")
            time.sleep(FOREVER)
        if request == b"trickle":
            connection.sendall(struct.pack("!I", 1000))
            while True:
                connection.sendall(b"x")
                time.sleep(0.2)
        connection.sendall(struct.pack("!I", 0) if request == b"empty" else struct.pack("!I", 4) + b"tick")


if __name__ == "__main__":
    main()
