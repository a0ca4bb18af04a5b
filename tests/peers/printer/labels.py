"""Label printers: a Zebra that decodes ``^GFA`` and a Brother QL that decodes its raster."""

import re
import struct
import threading

from PIL import Image

_GRAPHIC = re.compile(rb"\^GFA,(\d+),(\d+),(\d+),([0-9A-F\s]*)\^FS")


class _LabelPeer:
    """``faults``: ``paper-out``, ``cover-open``, ``offline``, ``mute``. `labels` are what came out."""

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.labels: list[Image.Image] = []
        self.unknown: list[str] = []
        self.paper_labels: int | None = None
        self._held: list[Image.Image] = []
        self._buffer = bytearray()
        self._lock = threading.RLock()

    def fault(self, name: str) -> None:
        """A fault begins."""
        with self._lock:
            self.faults.add(name)

    def mend(self, name: str) -> None:
        """A fault ends: what is held comes out."""
        with self._lock:
            self.faults.discard(name)
            if name == "paper-out":
                self.paper_labels = None
            held, self._held = self._held, []
            for label in held:
                self._out(label)

    def reset_line(self) -> None:
        """A new connection."""
        with self._lock:
            self._buffer.clear()

    def _out(self, label: Image.Image) -> None:
        if self.paper_labels == 0:
            self.faults.add("paper-out")
        if self.faults & {"paper-out", "cover-open", "offline"}:
            self._held.append(label)
            return
        self.labels.append(label)
        if self.paper_labels is not None:
            self.paper_labels -= 1


class ZebraPeer(_LabelPeer):
    """Answers ``~HS`` at once."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; what is answered."""
        with self._lock:
            self._buffer += data
            answer = b""
            while self._buffer:
                if self._buffer.startswith(b"~HS"):
                    del self._buffer[:3]
                    answer += self._state()
                elif self._buffer.startswith(b"^XA"):
                    # A tilde or a new ^XA ends a graphic whose rest never came.
                    end = self._buffer.find(b"^XZ")
                    whole = self._buffer if end < 0 else self._buffer[:end]
                    torn = max(whole.find(b"~HS"), whole.find(b"^XA", 3))
                    if torn > 0:
                        del self._buffer[:torn]
                        continue
                    if end < 0:
                        break
                    self._label(bytes(self._buffer[:end]))
                    del self._buffer[: end + 3]
                elif self._buffer[:1] in b"\r\n":
                    del self._buffer[:1]
                elif len(self._buffer) < 3:
                    break
                else:
                    self.unknown.append(bytes(self._buffer[:8]).hex())
                    self._buffer.clear()
            return b"" if "mute" in self.faults else answer

    def _state(self) -> bytes:
        paper, paused = int("paper-out" in self.faults), int("offline" in self.faults)
        head = int("cover-open" in self.faults)
        lines = (
            f"030,{paper},{paused},0320,{len(self._held):03},0,0,0,000,0,0,0",
            f"000,0,{head},0,0,2,4,0,{len(self._held):08},1,000",
            "1234,0",
        )
        return b"".join(b"\x02" + line.encode() + b"\x03\r\n" for line in lines)

    def _label(self, commands: bytes) -> None:
        found = _GRAPHIC.search(commands)
        width = re.search(rb"\^PW(\d+)", commands)
        length = re.search(rb"\^LL(\d+)", commands)
        if not (found and width and length):
            self.unknown.append(commands[:40].hex())
            return
        size, total, across = (int(found[at]) for at in (1, 2, 3))
        data = bytes.fromhex(found[4].decode())
        if not size == total == len(data) or int(width[1]) != across * 8 or total != across * int(length[1]):
            self.unknown.append(f"sizes {size} {total} {len(data)} {width[1]!r} {length[1]!r}")
        picture = Image.frombytes("1", (across * 8, total // across), bytes(~byte & 0xFF for byte in data))
        self._out(picture)


class BrotherPeer(_LabelPeer):
    """Tells by itself when a label is out."""

    _PINS = 720

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[bytes] = []
        self._announced = 0

    def feed(self, data: bytes) -> bytes:
        """Take bytes; what is answered."""
        with self._lock:
            self._buffer += data
            answer = b""
            while self._buffer:
                taken, said = self._one(bytes(self._buffer))
                if not taken:
                    break
                del self._buffer[:taken]
                answer += said
            return b"" if "mute" in self.faults else answer

    def _one(self, data: bytes) -> tuple[int, bytes]:
        """How many bytes the first command has (0: not all there yet), and the answer."""
        first = data[0]
        if first == 0x00:
            return 1, b""
        if first in (0x1A, 0x0C):
            return 1, self._page()
        if first == 0x67:
            if len(data) < 3 or len(data) < 3 + data[2]:
                return 0, b""
            self._rows.append(data[3 : 3 + data[2]])
            return 3 + data[2], b""
        if len(data) < 2:
            return 0, b""
        if data[:2] == b"\x1b@":
            self._rows = []
            return 2, b""
        if data[:2] == b"\x1bi":
            if len(data) < 3:
                return 0, b""
            sizes = {b"S": 3, b"a": 4, b"M": 4, b"A": 4, b"K": 4, b"d": 5, b"z": 13}
            size = sizes.get(data[2:3])
            if size is None:
                self.unknown.append(data[:4].hex())
                return 3, b""
            if len(data) < size:
                return 0, b""
            if data[2:3] == b"z":
                self._announced = struct.unpack("<I", data[7:11])[0]
            return size, self._state(0) if data[2:3] == b"S" else b""
        self.unknown.append(data[:4].hex())
        return 1, b""

    def _state(self, kind: int) -> bytes:
        state = bytearray(32)
        state[0:3] = b"\x80\x20B"
        state[8] = 0x01 if "paper-out" in self.faults else 0
        state[9] = 0x10 if "cover-open" in self.faults else 0
        state[10], state[11], state[18] = 62, 0x0A, kind
        return bytes(state)

    def _page(self) -> bytes:
        rows, self._rows = self._rows, []
        if len(rows) != self._announced:
            self.unknown.append(f"{len(rows)} rows, {self._announced} announced")
        data = b"".join(bytes(~byte & 0xFF for byte in row) for row in rows)
        picture = Image.frombytes("1", (self._PINS, len(rows)), data)
        before = len(self.labels)
        # The first pin of the head is at the right.
        self._out(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        return self._state(1) if len(self.labels) > before else self._state(2)
