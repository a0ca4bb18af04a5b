"""A receipt printer that understands a subset of ESC/POS, with the faults that happen at a counter."""

import re
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

# Page number -> letters from 0x80 on: 16 is WPC1252, 19 is PC858.
PAGES = {0: "cp437", 16: "cp1252", 19: "cp858"}
FNC1 = b"\xe8"
_LATER = re.compile(rb"(?:\x10\x04[\x01-\x04])+$")


@dataclass(frozen=True)
class Printed:
    """One thing on the paper: ``kind`` text, qr, bars, image, feed."""

    kind: str
    text: str = ""
    size: int = 1
    bold: bool = False
    align: int = 0
    module: int = 3
    level: str = ""
    image: Image.Image | None = None


@dataclass
class Receipt:
    """One piece of paper, cut off."""

    parts: list[Printed] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its lines of text."""
        return "\n".join(part.text for part in self.parts if part.kind == "text")


class Unfinished(Exception):
    """The command's rest has not come yet."""


class EscPosPeer:
    """Promises: prints nothing while it is out of paper, open or offline, and goes on with what it holds
    once that is over, as real ones do; answers `DLE EOT` at once and `GS r` in its turn.

    ``faults`` may hold ``paper-out``, ``cover-open``, ``offline``, ``near-end``, ``mute`` (never answers).
    With ``ignore_turn`` it leaves `GS r` unanswered. ``paper_lines`` is how many lines of text the roll still has.
    """

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.paper_lines: int | None = None
        self.ignore_turn = False
        self._coming: tuple[str, int] | None = None
        self.receipts: list[Receipt] = []
        self.kicks: list[int] = []
        self.drawer_open = False
        self.unknown: list[str] = []
        self.taken = bytearray()
        self.display: Callable[[bytes], object] | None = None
        self._lock = threading.RLock()
        self._buffer = bytearray()
        self._answer = bytearray()
        self._paper = Receipt()
        self._reset()

    # -- what happens to it ---------------------------------------------------------------------------
    def fault(self, name: str) -> None:
        """A fault begins."""
        with self._lock:
            self.faults.add(name)

    def fault_after(self, name: str, lines: int) -> None:
        """A fault begins once so many lines were printed."""
        with self._lock:
            self._coming = name, lines

    def mend(self, name: str, lines: int | None = None) -> None:
        """A fault ends: what is held is printed. A new roll has ``lines`` lines, or endlessly many."""
        with self._lock:
            self.faults.discard(name)
            if name == "paper-out":
                self.paper_lines = lines
            self._work()

    @property
    def current(self) -> Receipt:
        """What is printed and not cut off yet."""
        return self._paper

    def papers(self) -> list[Receipt]:
        """Everything that came out, the uncut piece last."""
        with self._lock:
            return [*self.receipts, *([self._paper] if self._paper.parts else [])]

    # -- the cable ------------------------------------------------------------------------------------
    def reset_line(self) -> None:
        """A new connection."""
        with self._lock:
            if not self._held():
                self._buffer.clear()

    def feed(self, data: bytes) -> bytes:
        """Take bytes; what is answered."""
        with self._lock:
            self.taken += data
            self._answer.clear()
            # Asked at once it answers at once, also in the middle of a command whose rest was cut off.
            if self._held() or self._buffer:
                later = _LATER.search(data)
                if later:
                    data = data[: later.start()]
                    for kind in later[0][2::3]:
                        self._state(kind)
            self._buffer += data
            self._work()
            return b"" if "mute" in self.faults else bytes(self._answer)

    def _held(self) -> bool:
        return bool(self.faults & {"paper-out", "cover-open", "offline"})

    def _state(self, kind: int) -> None:
        offline = self._held()
        level = 0x04 if self.drawer_open else 0
        out, cover = "paper-out" in self.faults, "cover-open" in self.faults
        self._answer.append(
            {
                1: (0x1A if offline else 0x12) | level,
                2: 0x12 | (0x20 if out else 0) | (0x04 if cover else 0),
                3: 0x12,
                4: 0x7E if out else 0x1E if "near-end" in self.faults else 0x12,
            }[kind]
        )

    # -- commands -------------------------------------------------------------------------------------
    def _reset(self) -> None:
        self._page, self._size, self._bold, self._align = "cp437", 1, False, 0
        self._height, self._width, self._line = 162, 3, bytearray()
        self._qr = {"size": 3, "level": "L", "data": b""}

    def _work(self) -> None:
        while self._buffer and not self._held():
            before = bytes(self._buffer)
            try:
                self._one()
            except Unfinished:
                self._buffer[:] = before
                # A request that came right behind what is held is answered all the same.
                return

    def _take(self, count: int) -> bytes:
        if len(self._buffer) < count:
            raise Unfinished
        found = bytes(self._buffer[:count])
        del self._buffer[:count]
        return found

    def _one(self) -> None:
        first = self._take(1)[0]
        if first == 0x0A:
            self._feed_line()
        elif first == 0x10:
            second, kind = self._take(2)
            if second == 0x04 and 1 <= kind <= 4:
                self._state(kind)
            else:
                self.unknown.append(f"10 {second:02x}")
        elif first == 0x1B:
            self._escape()
        elif first == 0x1D:
            self._group()
        elif first >= 0x20:
            self._line.append(first)
        elif first not in (0x00, 0x0D):
            self.unknown.append(f"{first:02x}")

    def _escape(self) -> None:
        command = self._take(1)
        if command == b"@":
            self._reset()
        elif command == b"t":
            number = self._take(1)[0]
            if number not in PAGES:
                self.unknown.append(f"page {number}")
            self._page = PAGES.get(number, "cp437")
        elif command == b"a":
            self._align = self._take(1)[0] % 48
        elif command == b"E":
            self._bold = bool(self._take(1)[0] & 1)
        elif command in b"M-{GV2 !=3":
            self._take(0 if command == b"2" else 1)
        elif command == b"J":
            self._paper.parts.append(Printed("feed", module=self._take(1)[0]))
        elif command == b"d":
            for _ in range(self._take(1)[0]):
                self._feed_line(empty=True)
        elif command == b"p":
            pin = self._take(3)[0]
            self.kicks.append({0: 2, 1: 5, 48: 2, 49: 5}[pin])
            self.drawer_open = True
        else:
            self.unknown.append(f"1b {command.hex()}")

    def _group(self) -> None:
        command = self._take(1)
        if command == b"!":
            size = self._take(1)[0]
            self._size = (size & 7) + 1
        elif command in b"BHfba":
            self._take(1)
        elif command == b"h":
            self._height = self._take(1)[0]
        elif command == b"w":
            self._width = self._take(1)[0]
        elif command == b"r":
            kind = self._take(1)[0]
            if not self.ignore_turn:
                low = 3 * ("near-end" in self.faults)
                self._answer.append(int(self.drawer_open) if kind == 2 else low)
        elif command == b"V":
            if self._take(1)[0] in (65, 66):
                self._take(1)
            if self._paper.parts:
                self.receipts.append(self._paper)
            self._paper = Receipt()
        elif command == b"k":
            self._bars()
        elif command == b"v":
            self._raster()
        elif command == b"(":
            self._function()
        else:
            self.unknown.append(f"1d {command.hex()}")

    def _feed_line(self, empty: bool = False) -> None:
        if self._line or not empty:
            text = bytes(self._line).decode(self._page)
            self._line = bytearray()
            self._print(Printed("text", text.rstrip(), self._size, self._bold, self._align))

    def _print(self, part: Printed) -> None:
        self._paper.parts.append(part)
        if self._coming is not None:
            name, lines = self._coming
            self._coming = (name, lines - 1) if lines > 1 else None
            if self._coming is None:
                self.faults.add(name)
        if self.paper_lines is not None:
            self.paper_lines -= 1
            if self.paper_lines <= 0:
                self.faults.add("paper-out")

    def _bars(self) -> None:
        kind, count = self._take(2)
        data = self._take(count)
        if kind != 73 or not data.startswith(b"{B"):
            self.unknown.append(f"barcode {kind} {data[:2]!r}")
            return
        text = re.sub(rb"\{(.)", lambda found: {b"1": FNC1, b"{": b"{"}[found[1]], data[2:]).decode("latin-1")
        self._print(Printed("bars", text, module=self._width, align=self._align))

    def _raster(self) -> None:
        _zero, mode, across, high = struct.unpack("<BBHH", self._take(6))
        data = self._take(across * high)
        if mode:
            self.unknown.append(f"raster mode {mode}")
        picture = Image.frombytes("1", (across * 8, high), bytes(~byte & 0xFF for byte in data))
        self._print(Printed("image", image=picture, align=self._align))

    def _function(self) -> None:
        group = self._take(1)
        size = struct.unpack("<H", self._take(2))[0]
        data = self._take(size)
        if group != b"k" or data[:1] != b"1":
            self.unknown.append(f"1d 28 {group.hex()} {data[:2].hex()}")
            return
        function = data[1]
        if function == 67:
            self._qr["size"] = data[2]
        elif function == 69:
            self._qr["level"] = "LMQH"[data[2] - 48]
        elif function == 80:
            self._qr["data"] = data[3:]
        elif function == 81:
            held = self._qr["data"]
            assert isinstance(held, bytes)
            self._print(
                Printed(
                    "qr",
                    held.decode(),
                    module=int(str(self._qr["size"])),
                    level=str(self._qr["level"]),
                    align=self._align,
                )
            )
        elif function != 65:
            self.unknown.append(f"qr function {function}")
