"""A real window takes a scan from either kind of scanner, and the shop has the hand-over once."""

import sys
import tempfile
from pathlib import Path

from tests.kit.scanner import CableScanner
from tests.kit.shop import NO_KEYRING
from tests.prove import steps
from tests.wedge import Outside, hand_over_one
from tests.x11 import XDisplay

CLAIM = (
    "In a real window on a real X server a scan by keyboard, raw keys 2 ms apart, and a scan by serial line "
    "each show the right card; handed over by key, `posapp hub orders --json` has it once, with the fact's id."
)
READY = r"^posapp ready hub=(http://127\.0\.0\.1:\d+)"


def run(long: bool) -> tuple[bool, str]:
    """Both scanners at one till, one after the other; bounded and long are one and the same."""
    posapp = Path(sys.executable).with_name("posapp")
    with (
        tempfile.TemporaryDirectory(prefix="posapp-first-b2-") as name,
        XDisplay() as display,
        CableScanner() as scanner,
    ):
        data = Path(name) / "demo"
        command = [str(posapp), "demo", "--data", str(data), "--scanner", scanner.device]
        with steps.started(command, ready=READY, env=display.env | NO_KEYRING):
            said = [hand_over_one(display, posapp, data)]
            outside = Outside(display, posapp, data, data)
            code, number = outside.take()
            outside.scan(lambda: scanner.send(code))
            ref = outside.hand_over(number)
            outside.arrives(number, ref)
            said.append(f"{number} scanned by serial line, handed over by F12, in the shop once as {ref}")
        checked = steps.run([str(posapp), "verify", "--data", str(data)])
    return checked.code == 0, "; ".join([*said, "verify " + ("clean" if checked.code == 0 else checked.last)])
