"""The cable to a peer: a TCP port or a pseudo-terminal that can be pulled in the middle."""

import contextlib
import os
import select
import socket
import threading
import tty
from pathlib import Path
from typing import Protocol

from tests.waiting import until


class Device(Protocol):
    """What hangs on the cable."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; what is answered at once."""
        ...

    def reset_line(self) -> None:
        """A new connection: a half command of the one before is forgotten."""
        ...


class TcpCable:
    """A printer's network socket on a free port. Use as a context manager.

    ``pull_after`` closes the connection hard once so many bytes of it were taken, and refuses further
    ones until `plug`. Like many printers it serves one connection at a time.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.pull_after: int | None = None
        self.connections = 0
        self._server: socket.socket | None = None
        self._port = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"tcp://127.0.0.1:{self._port}"

    def __enter__(self) -> "TcpCable":
        self.plug()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.pull()
        self._thread.join(5)

    def plug(self) -> None:
        """Listen, on the port of the first time."""
        server = socket.create_server(("127.0.0.1", self._port))
        self._port = server.getsockname()[1]
        with self._lock:
            self._server = server
        self._thread = threading.Thread(target=self._serve, args=[server], daemon=True)
        self._thread.start()

    def pull(self) -> None:
        """Refuse every connection."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()

    @property
    def plugged(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            self.connections += 1
            with client:
                self._talk(client, server)

    def _talk(self, client: socket.socket, server: socket.socket) -> None:
        self.device.reset_line()
        while self._server is server:
            if not select.select([client], [], [], 0.05)[0]:
                continue
            try:
                data = client.recv(4096)
                if not data:
                    return
                limit = self.pull_after
                if limit is not None and len(data) >= limit:
                    self.device.feed(data[:limit])
                    self.pull_after = None
                    self.pull()
                    # A reset, as from a cable that is no more: not a polite end.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    return
                if limit is not None:
                    self.pull_after = limit - len(data)
                answer = self.device.feed(data)
                if answer:
                    client.sendall(answer)
            except OSError:
                return


class PtyCable:
    """A serial device under a stable name: the link at ``path`` leads to a pseudo-terminal."""

    def __init__(self, device: Device, path: Path) -> None:
        self.device = device
        self.path = path
        self.pull_after: int | None = None
        self._ends: list[int] = []
        self._stop = threading.Event()

    @property
    def url(self) -> str:
        """The stable name."""
        return f"serial:{self.path}"

    @property
    def plugged(self) -> bool:
        """Whether the link leads anywhere."""
        return self.path.exists()

    def __enter__(self) -> "PtyCable":
        self.plug()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.pull()

    def plug(self) -> None:
        """Put the cable in."""
        self._ends = list(os.openpty())
        for end in self._ends:
            tty.setraw(end)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=[self._ends[0], self._stop], daemon=True)
        self._thread.start()
        fresh = self.path.with_suffix(".new")
        fresh.symlink_to(os.ttyname(self._ends[1]))
        fresh.replace(self.path)

    def pull(self) -> None:
        """Pull it out."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join(5)
        self._let_go()

    def _let_go(self) -> None:
        self.path.unlink(missing_ok=True)
        ends, self._ends = self._ends, []
        for end in ends:
            os.close(end)

    def _serve(self, master: int, stop: threading.Event) -> None:
        while not stop.is_set():
            if not select.select([master], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(master, 4096)
            except OSError:
                return
            limit = self.pull_after
            if limit is not None and len(data) >= limit:
                self.device.feed(data[:limit])
                self.pull_after = None
                self._let_go()
                return
            if limit is not None:
                self.pull_after = limit - len(data)
            answer = self.device.feed(data)
            if answer:
                os.write(master, answer)


def wait_pulled(cable: TcpCable | PtyCable) -> None:
    """Until the cable is out."""
    until(lambda: not cable.plugged)
