"""Messages between MineRL and the game: 4 bytes of length, and as many bytes."""

import socket
import struct


def send_message(sock: socket.socket, data: bytes) -> None:
    """Sends one message."""
    sock.sendall(struct.pack("!I", len(data)) + data)


def recv_message(sock: socket.socket) -> bytes:
    """One message, of whatever length is announced."""
    (length,) = struct.unpack("!I", _receive(sock, 4))
    return _receive(sock, length)


def _receive(sock: socket.socket, count: int) -> bytes:
    content = bytearray()
    while len(content) < count:
        received = sock.recv(count - len(content))
        if not received:
            raise ConnectionResetError("closed")
        content += received
    return bytes(content)
