"""What a scanner tells, to wait for: on its queues, never on the clock."""

import queue

from posapp.domain.codes import Scan
from posapp.ports import DeviceState, DownReason, Scanner, ScannerStatus

WAIT_S = 10
UP = (DeviceState.UP, None)
LOST = (DeviceState.DOWN, DownReason.LOST)


class Ear:
    """Listens to one scanner from `start` until the block ends."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.scans: queue.Queue[Scan] = queue.Queue()
        self.states: queue.Queue[ScannerStatus] = queue.Queue()

    def __enter__(self) -> "Ear":
        self.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.scanner.stop()

    def start(self) -> None:
        """Begin to listen."""
        self.scanner.start(self.scans.put, self.states.put)

    def heard(self) -> str:
        """The next scan's text."""
        return self.scans.get(timeout=WAIT_S).text

    def stands(self) -> tuple[DeviceState, DownReason | None]:
        """The next change of state."""
        status = self.states.get(timeout=WAIT_S)
        assert status.name == self.scanner.name
        return status.state, status.reason
