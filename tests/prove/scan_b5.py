"""How long a scan takes after its last key or byte, and a picture after it was taken."""

import re
import sys

from tests.prove import steps

CLAIM = (
    "From the end of a scanner's burst to the scan takes, at the 99th percentile, less than the burst itself "
    "took, typed or by serial line; what the detector, the framer and the camera's decoder manage is told."
)
PEERS = (
    "Peers at the nearest job, code to result shown (p50 / p95 ms, measured on a 2-core Linux machine with "
    "other load): pretix web check-in 293 / 683, Vendure's order page 561 / 699, Tryton by RPC without a "
    "screen 43 / 53."
)


def run(long: bool) -> tuple[bool, str]:
    """Runs both benches; the long form takes ten times the scans."""
    scanner = steps.run([sys.executable, "-m", "bench.scanner", *(["--scans", "3000"] if long else [])])
    camera = steps.run([sys.executable, "-m", "bench.camera"])
    print(f"  {PEERS}", flush=True)
    bound = [found for line in scanner.lines if (found := re.search(r"\*\*(.+?)\*\* (.+?) \|$", line))]
    told, ratios = [found[1] for found in bound], [found[2] for found in bound]
    frames = [
        line.split("|")[2].strip().split(" / ")[0] for line in camera.lines if "five formats, a code" in line
    ]
    holds = scanner.code == 0 and camera.code == 0 and bool(told) and all(word == "holds" for word in told)
    return holds, (
        f"typed {ratios[0] if ratios else '?'}, serial {ratios[1] if len(ratios) > 1 else '?'} of the burst; "
        f"camera, five formats, median {' / '.join(frames)} ms at 640x480 / 720p / 1080p"
    )
