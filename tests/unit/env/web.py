"""A web server on this machine that misbehaves as it is told."""

import re
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class Web:
    """Serves `files`; each request for a path takes the next of its `faults`, if there are any.

    Faults: "drop" (closes without a word), "truncate" (half of what was announced), "stall" (half,
    then silence), "silent" (no answer), "drip" (a byte now and then), "chunked", "chunked-truncate", "unsized" (the
    length is not announced), "wrong-range", or any status.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.requests: list[tuple[str, str | None]] = []
        """Path and Range of each request."""
        self.ranges = True
        self.etag: str | None = '"1"'
        self.ignores_if_range = False
        self.redirections: dict[str, str] = {}
        self.over = threading.Event()
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, asked = request.path, request.headers.get("Range")
        with self.lock:
            self.requests.append((path, asked))
            fault = self.faults[path].pop(0) if self.faults[path] else ""
        request.close_connection = True
        if fault.isdigit():
            request.send_error(int(fault))
        elif fault == "silent":
            self.over.wait()
        elif fault == "drop":
            pass
        elif path in self.redirections:
            request.send_response(302)
            request.send_header("Location", self.redirections[path])
            request.end_headers()
        elif path not in self.files:
            request.send_error(404)
        else:
            self.send(request, self.files[path], asked, fault)

    def send(self, request: BaseHTTPRequestHandler, content: bytes, asked: str | None, fault: str) -> None:
        fresh = self.ignores_if_range or request.headers.get("If-Range") in (None, self.etag)
        start = int(re.findall(r"\d+", asked)[0]) if asked and self.ranges and fresh else 0
        if start and start >= len(content):
            request.send_error(416)
            return
        body = content[start:]
        request.send_response(206 if start else 200)
        if start:
            first = start + 1 if fault == "wrong-range" else start
            request.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        if fault.startswith("chunked"):
            request.send_header("Transfer-Encoding", "chunked")
            half = len(body) // 2
            chunks = [body[:half], body[half:]]
            body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
            if fault == "chunked-truncate":
                body = body[:-half]
            request.protocol_version = "HTTP/1.1"
        elif fault != "unsized":
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if fault in ("truncate", "stall"):
            body = body[: len(body) // 2]
        if fault == "drip":
            while not self.over.wait(0.02):
                request.wfile.write(b"x")
        request.wfile.write(body)
        request.wfile.flush()
        if fault == "stall":
            self.over.wait()
