"""Look-ups that the window asks for: each is answered in time, whatever the line does."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from posapp.domain.errors import StorageFault, Unavailable
from sync import wire
from sync.engine.client import LOOK_UP_S, Hub, NotEnrolled
from sync.engine.line import Tell

log = logging.getLogger(__name__)


def answer_asks(
    asked: queue.SimpleQueue[tuple[str, object]],
    hub: Hub,
    take: Callable[[wire.FeedChange], None],
    tell: Tell,
    stopping: Callable[[], bool],
) -> None:
    """Answer each ask within `LOOK_UP_S`, whatever the line does; a record that comes later is
    taken all the same."""
    while not stopping():
        try:
            code, ask = asked.get(timeout=0.2)
        except queue.Empty:
            continue
        once = _Once(tell, ask, code)
        late = threading.Timer(LOOK_UP_S, once.say, ("unreachable",))
        late.daemon = True
        late.start()
        try:
            found = hub.look_up(code)
            if found is None:
                once.say("unknown")
            elif found.elsewhere is not None:
                once.say("elsewhere", elsewhere=found.elsewhere.model_dump())
            elif found.record is not None:
                take(found.record)
                once.say("record", kind=found.record.kind, id=found.record.id)
        except (Unavailable, NotEnrolled, StorageFault) as error:
            log.info("look-up: %s", error)
            once.say("unreachable")
        finally:
            late.cancel()


class _Once:
    """Says the outcome of one ask, the first time only."""

    def __init__(self, tell: Tell, ask: object, code: str) -> None:
        self._tell = tell
        self._ask = ask
        self._code = code
        self._lock = threading.Lock()
        self._said = False

    def say(self, outcome: str, **more: object) -> None:
        with self._lock:
            if self._said:
                return
            self._said = True
        self._tell({"found": {"ask": self._ask, "code": self._code, "outcome": outcome, **more}})
