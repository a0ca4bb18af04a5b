"""How fast a scan is a scan: ``python -m bench.scanner``.

From the end of the burst at the X server, or of the bytes on a serial line, to the `Scan`, as a ratio to the
time the burst itself takes; and what the readers of keys and bytes can take at most.
"""

from __future__ import annotations

import argparse
import os
import queue
import subprocess
import sys
import time
import tty

from bench import measure, report
from bench.measure import Row

CODE = "PK7KX29DRTH"
PACE_MS = 5
"""Time per key of the scanner that types: in the middle of what they do, 2 to 20 ms."""
BAUD = 9600
MOST = 1.0
"""The worst hundredth of scans may take as long as the burst took, not longer."""


def show_window() -> None:
    """The window's side: tell the time of each scan, in ns of the system's monotonic clock."""
    from PySide6.QtWidgets import QApplication, QLineEdit

    from ui.wedge import install

    application = QApplication([])
    field = QLineEdit()
    field.setWindowTitle("till")

    def told(scan: object) -> None:
        sys.stdout.write(f"{time.monotonic_ns()}\n")
        sys.stdout.flush()

    field.wedge = install(field, told)  # type: ignore[attr-defined]  # lives as long as the field
    field.show()
    application.exec()


def typed(count: int) -> list[float]:
    """Milliseconds from the last key at the X server to the scan, for a scanner that types."""
    from tests.x11 import XDisplay, end

    late = []
    with XDisplay(layout="de") as display:
        command = [sys.executable, "-m", "bench.scanner", "--window"]
        with subprocess.Popen(command, env=display.env, stdout=subprocess.PIPE) as child:
            try:
                display.wait_for_window("till")
                assert child.stdout is not None
                for _ in range(count):
                    display.type_code(CODE, delay_ms=PACE_MS)
                    ended = time.monotonic_ns()
                    late.append(max(0, int(child.stdout.readline()) - ended) / 1e6)
            finally:
                end(child)
    return late


def sent(count: int) -> list[float]:
    """Milliseconds from the last byte on a serial line to the scan."""
    from drivers import open_scanner

    ours, theirs = os.openpty()
    for descriptor in (ours, theirs):
        tty.setraw(descriptor)
    heard: queue.Queue[int] = queue.Queue()
    up: queue.Queue[object] = queue.Queue()
    scanner = open_scanner(os.ttyname(theirs))
    scanner.start(lambda scan: heard.put(time.monotonic_ns()), up.put)
    up.get(timeout=10)
    late = []
    for _ in range(count):
        for byte in CODE.encode():
            os.write(ours, bytes([byte]))
        ended = time.monotonic_ns()
        os.write(ours, b"\r")
        late.append((heard.get(timeout=10) - ended) / 1e6)
    scanner.stop()
    os.close(ours)
    os.close(theirs)
    return late


def keys_per_second(count: int) -> float:
    """Key presses per second that the detector of scans can take."""
    from posapp.domain.keyboards import US_LAYOUT
    from posapp.domain.keys import BurstDetector, Key

    codes = {levels[0].upper(): code for code, levels in US_LAYOUT.items() if code < 55}
    burst = [Key(5 * at, codes[letter], down) for at, letter in enumerate(CODE) for down in (True, False)]
    burst += [Key(60, 28, True), Key(60, 28, False)]
    detector = BurstDetector()
    begun = time.perf_counter()
    for number in range(count):
        for key in burst:
            detector.feed(Key(key.time_ms + 1000 * number, key.code, key.down))
    return count * len(burst) / 2 / (time.perf_counter() - begun)


def bytes_per_second(count: int) -> float:
    """Bytes per second that the framer can take."""
    from drivers.framing import Framer

    framer, data = Framer(), f"{CODE}\r\n".encode() * 100
    begun = time.perf_counter()
    for number in range(count):
        framer.feed(data, number)
    return count * len(data) / (time.perf_counter() - begun)


def rows(scans: int) -> list[Row]:
    """The lines of the table."""
    on_keys, on_line = typed(scans), sent(scans)
    burst_ms = PACE_MS * (len(CODE) + 1)
    line_ms = (len(CODE) + 1) * 10 / BAUD * 1000
    return [
        Row(
            f"scanner that types, {PACE_MS} ms a key: last key at the X server -> Scan, p99 to the burst",
            measure.spread(on_keys),
            measure.percentile(on_keys, 99) / burst_ms,
            MOST,
        ),
        Row(
            f"serial scanner at {BAUD} baud: last byte -> Scan, p99 to the burst",
            measure.spread(on_line),
            measure.percentile(on_line, 99) / line_ms,
            MOST,
        ),
        Row("keys that the detector takes", f"{keys_per_second(scans * 10):,.0f} presses/s"),
        Row("bytes that the framer takes", f"{bytes_per_second(scans):,.0f} bytes/s"),
    ]


def main() -> int:
    """The command line; exit code 1 where a bound is broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.scanner", description=__doc__)
    parser.add_argument("--scans", type=int, default=300, metavar="N")
    parser.add_argument("--window", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.window:
        show_window()
        return 0
    found = rows(chosen.scans)
    print(report.table(found), flush=True)
    return 0 if all(row.holds for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
