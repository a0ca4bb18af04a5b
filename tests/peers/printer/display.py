"""A customer display of 2 x 20 that keeps what stands on it."""

import re


class DisplayPeer:
    """Understands both dialects; ``through`` is the printer it hangs on, if any."""

    def __init__(self, behind_printer: bool = False) -> None:
        self.rows = [[" "] * 20, [" "] * 20]
        self.unknown: list[str] = []
        self.cleared = 0
        self._selected = not behind_printer
        self._buffer = bytearray()
        self._place = [0, 0]

    @property
    def lines(self) -> list[str]:
        """What the customer reads."""
        return ["".join(row).rstrip() for row in self.rows]

    def reset_line(self) -> None:
        """A new connection."""
        self._buffer.clear()

    def feed(self, data: bytes) -> bytes:
        """Take bytes; a display answers nothing."""
        self._buffer += data
        while self._buffer:
            taken = self._one(bytes(self._buffer))
            if not taken:
                break
            del self._buffer[:taken]
        return b""

    def _one(self, data: bytes) -> int:
        select = re.match(rb"\x1b=([\x01\x02])", data)
        if select:
            self._selected = select[1] == b"\x02"
            return 3
        if (data[0] == 0x1B and len(data) < 3) or (data[0] == 0x1F and len(data) < 4):
            return 2 if data[:2] == b"\x1b@" and self._clear() else 0
        if not self._selected:
            self.unknown.append(data[:1].hex())
            return 1
        if data[:2] == b"\x1b@":
            return 2 if self._clear() else 0
        if data[:2] == b"\x1bt":
            if data[2] != 19:
                self.unknown.append(f"page {data[2]}")
            return 3
        whole = re.match(rb"\x1bQ([AB])([^\r]*)\r", data)
        if whole:
            self._place = [0, b"AB".index(whole[1])]
            for byte in whole[2]:
                self._put(byte)
            return whole.end()
        if data[:2] == b"\x1bQ":
            return 0
        if data[:2] == b"\x1f$":
            self._place = [data[2] - 1, data[3] - 1]
            return 4
        if data[0] >= 0x20:
            self._put(data[0])
            return 1
        self.unknown.append(data[:1].hex())
        return 1

    def _clear(self) -> bool:
        self.cleared += 1
        self.rows = [[" "] * 20, [" "] * 20]
        return True

    def _put(self, byte: int) -> None:
        column, row = self._place
        if column >= 20:
            self.unknown.append(f"beyond column 20: {byte:02x}")
            return
        self.rows[row][column] = bytes([byte]).decode("cp858")
        self._place[0] += 1
