"""How long a camera's frame takes to be read, per size: ``python -m bench.camera [--rounds N]``.

Everything is measured as a ratio to reading nothing but QR codes in a 640 x 480 frame, in the same run.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from bench import measure, report
from bench.measure import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.frames import Frame

SIZES = ((640, 480), (1280, 720), (1920, 1080))
CODE = "PK7KX29DRTH"


def timed(frames: list[Frame], read: Callable[[Frame], object]) -> list[float]:
    """Milliseconds of each frame."""
    found = []
    for frame in frames:
        begun = time.perf_counter()
        read(frame)
        found.append((time.perf_counter() - begun) * 1000)
    return found


def qr_only(frame: Frame) -> object:
    """What the ratio is to: one format, no turning, no inverting."""
    import zxingcpp

    reader: Any = zxingcpp
    image = memoryview(frame.pixels).cast("B", (frame.height, frame.width))
    return reader.read_barcodes(
        image,
        formats=(reader.BarcodeFormat.QRCode,),
        try_rotate=False,
        try_downscale=False,
        try_invert=False,
        text_mode=reader.TextMode.Plain,
    )


def measured(rounds: int) -> list[Row]:
    """The lines of the table."""
    from PySide6.QtGui import QGuiApplication

    from drivers.camera import decode
    from tests.kit.camera_frames import code_image, counter_frame, noise_frame

    kept = QGuiApplication.instance() or QGuiApplication([])
    codes = {dark: code_image(CODE, dark=dark) for dark in (False, True)}
    rows: list[Row] = []
    least = 0.0
    for size in SIZES:
        name = f"{size[0]}x{size[1]}"
        plain = [counter_frame(codes[False], seed, glare=False, size=size) for seed in range(rounds)]
        base = timed(plain, qr_only)
        least = least or measure.median(base)
        dark = [counter_frame(codes[True], seed, size=size) for seed in range(rounds)]
        read = sum(bool(decode(frame)) for frame in dark)
        for what, times in (
            ("QR alone, as it lies", base),
            ("five formats, a code", timed(plain, decode)),
            (f"five formats, dark with glare ({read} of {rounds} read)", timed(dark, decode)),
            ("five formats, noise", timed([noise_frame(*size, seed) for seed in range(rounds)], decode)),
        ):
            rows.append(Row(f"{name}: {what}", measure.spread(times), measure.median(times) / least))
    del kept
    return rows


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.camera", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, metavar="N", help="frames of each kind")
    chosen = parser.parse_args()
    rows = measured(chosen.rounds)
    print(f"reading a camera's frame; {report.machine()}, {report.load()}\n")
    print(report.table(rows), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
