"""The sync process: ``posapp sync``, started and watched by the window, able to run without it.

One engine serves a folder at a time. A second one observes: it tells its window what the first one
changes, and takes over when that ends.
"""

from __future__ import annotations

import logging
import os
import queue
import shutil
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from posapp import logs, paths, settings
from posapp.domain.errors import PosappError, StorageFault
from posapp.storage.journal import REVOKED, Journal
from sync.engine.asks import answer_asks
from sync.engine.channel import Outbox, listen
from sync.engine.client import Hub, Revoked
from sync.engine.copies import Copies
from sync.engine.custody import Custody
from sync.engine.enrol import connected
from sync.engine.line import Line, Tell, keep_on
from sync.engine.observe import observe
from sync.engine.pull import Pull
from sync.engine.pulse import Pulse
from sync.engine.push import Left, Push
from sync.engine.upkeep import Upkeep

if TYPE_CHECKING:
    from posapp.ports import Keys

log = logging.getLogger(__name__)

DONE, FATAL, NO_TILL = 0, 1, 2
"""Exit codes: ended when asked to; a file cannot be used or a defect; the folder is no till."""
FINISH_S = 2.0
"""How long what is in flight may take once the end was asked for."""
LOOK_EVERY_S = 1.0
"""How often the journal is looked at without being woken: another program may have written."""
COPY_S = 1800.0
"""A copy of the ledger, made and read back, may take so long."""
LOOK_AFTER_S = 3.0
FOLD_EVERY_S = 30.0
"""How often the files are folded, and folder and disk are looked after; the first time sooner."""
MOST_EARLY = 100
"""So many messages of the window are kept until an engine serves."""
PLAIN = ("papers", "slips.jsonl", "logs")
"""What anybody can read in a till's folder: claim tickets, slips that wait for the printer, logs."""


def run(
    folder: Path,
    keys: Keys,
    stdin: IO[str] | None = None,
    stdout: IO[str] | None = None,
    *,
    attached: bool = False,
    door: str | None = None,
) -> int:
    """Serve ``folder`` until SIGTERM, SIGINT or, where ``attached``, the end of ``stdin``.

    ``door`` is where a lead hears its neighbours, in the place of the setting of that name.

    The channel (`sync.engine.channel`) is the process's own input and output unless given. Returns
    an exit code; what was fatal is told as ``{"fatal": reason}``. Needs the process's main thread,
    for the signals.
    """
    if os.name == "posix":
        os.nice(10)
    logs.start(folder, "sync")
    ended = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(_signals(ended.set))
        pulse = Pulse()
        pulse.beat()
        outbox = stack.enter_context(Outbox(stdout or sys.stdout, ended.set, pulse.regular))
        try:
            at = settings.door_at(settings.load(folder).door if door is None else door)
            window = (stdin or sys.stdin) if attached else None
            return _serve(folder, keys, window, outbox.tell, ended, pulse=pulse, door_at=at)
        except PosappError as error:
            log.error("%s", error)
            outbox.tell({"fatal": error.reason})
            return NO_TILL if error.reason == "not-enrolled" else FATAL
        except Exception:
            log.exception("a defect")
            outbox.tell({"fatal": "defect"})
            return FATAL


def _serve(
    folder: Path,
    keys: Keys,
    stdin: IO[str] | None,
    tell: Tell,
    ended: threading.Event,
    *,
    pulse: Pulse,
    door_at: tuple[str, int] | None,
) -> int:
    if not (folder / paths.LEDGER).exists():
        raise StorageFault("not-enrolled", file=str(folder / paths.LEDGER))
    key = keys.load(folder)
    asked: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
    serving: list[Engine] = []
    # The window may ask before anything serves it: those questions wait, the last ones if they are many.
    early: deque[dict[str, Any]] = deque(maxlen=MOST_EARLY)
    turn = threading.Lock()

    def hear(message: dict[str, Any]) -> None:
        code = message.get("look_up")
        if isinstance(code, str):
            asked.put((code, message.get("ask")))
        with turn:
            if not serving:
                early.append(message)
                return
        serving[0].take(message)
        serving[0].line.wake()

    if stdin is not None:
        listen(stdin, hear, ended.set)
    with ExitStack() as stack:
        try:
            stack.enter_context(paths.FolderLock(folder, "sync"))
        except StorageFault as fault:
            if fault.reason != "in-use":
                raise
            if not observe(folder, key, tell, ended, pulse=pulse, asked=asked, stack=stack):
                return DONE
        engine = stack.enter_context(
            Engine(folder, key, tell, asked, ended.set, pulse=pulse, door_at=door_at)
        )
        upkeep = Upkeep(folder, key, engine.line, ended)
        with turn:
            for message in early:
                engine.take(message)
            serving.append(engine)
        log.info("serving")
        pause = LOOK_AFTER_S
        while not ended.wait(pause):
            pulse.beat(COPY_S)
            engine.fold()
            upkeep.look()
            if pause == LOOK_AFTER_S:
                tell({"serving": True})
            pause = FOLD_EVERY_S
            pulse.beat(pause)
    if isinstance(engine.error, Left):
        _wipe(folder, keys)
        raise StorageFault("till-wiped", folder=str(folder))
    if engine.error is not None:
        raise engine.error
    log.info("ended as asked")
    return DONE


def _wipe(folder: Path, keys: Keys) -> None:
    """Destroy what a revoked till holds: the key of its files, then what can be read without it."""
    log.warning("everything was sent: this till is wiped")
    keys.destroy(folder)
    for name in PLAIN:
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in (*folder.glob("mirror*.db*"), *(folder / name for name in PLAIN)):
        # An open window holds on to a mirror on some systems; without its key that is noise.
        with suppress(OSError):
            file.unlink(missing_ok=True)


class Engine:
    """Push, pull, look-ups, custody and copies of one folder, each in a thread of its own.

    Use as a context manager; leaving gives what is in flight `FINISH_S` to finish. ``failed`` is
    called when a thread met an error that waiting does not mend; `error` is that error.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        tell: Tell,
        asked: queue.SimpleQueue[tuple[str, object]],
        failed: Callable[[], None],
        *,
        pulse: Pulse,
        door_at: tuple[str, int] | None = None,
    ) -> None:
        self.line = Line(tell, pulse)
        self.error: BaseException | None = None
        self._failed = failed
        self._tell = tell
        self._asked = asked
        self._stack = ExitStack()
        with ExitStack() as stack:
            self._journal = Journal(folder / paths.LEDGER, key, write=True)
            stack.callback(self._journal.close)
            self._hubs = connected(self._journal, 5)
            for hub in self._hubs:
                stack.callback(hub.close)
            pushing, pulling, self._looking, granting, bringing = self._hubs
            self._push = push = Push(pushing, self._journal, self.line, tell)
            self._pull = Pull(
                pulling,
                folder,
                key,
                self._journal,
                line=self.line,
                tell=tell,
                rebuilt=push.ask_again,
                news=push.news,
                look=push.look,
                seen=lambda change: self._custody.seen(change.kind, change.id, change.body),
            )
            stack.callback(self._pull.close)
            self._copies = Copies(bringing, self._journal, self.line, tell, known=lambda: self._custody.known)
            self._custody = Custody(
                granting,
                self._journal,
                self.line,
                tell,
                feed=self._pull,
                door_at=door_at,
                copies=self._copies.exchange,
            )
            self._stack = stack.pop_all()
        self._ends: list[tuple[threading.Thread, Hub, float]] = [
            (
                self._thread("push", lambda: keep_on(self.line, "push", push.step, LOOK_EVERY_S)),
                pushing,
                FINISH_S,
            ),
            (self._thread("pull", lambda: keep_on(self.line, "pull", self._pulled, 0)), pulling, 0),
            (self._thread("look-up", self._look_up), self._looking, 0),
            (self._thread("custody", self._custody.run), granting, 0),
            (self._thread("copies", self._copies.run), bringing, 0),
        ]

    def __enter__(self) -> Engine:
        for thread, _, _ in self._ends:
            thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.line.stop()
        until = time.monotonic() + FINISH_S
        for thread, hub, grace in reversed(self._ends):
            thread.join(min(grace, max(0.0, until - time.monotonic())))
            hub.hang_up()
        for thread, _, _ in reversed(self._ends):
            thread.join(FINISH_S)
        self._stack.close()

    def fold(self) -> None:
        """Fold both write-ahead logs into their files, without waiting for anybody."""
        try:
            self._pull.fold()
            self._journal.checkpoint()
        except StorageFault as fault:
            log.warning("not folded: %s", fault)

    def take(self, message: dict[str, Any]) -> None:
        """What the window says beside waking and looking up: claims."""
        claim, release = message.get("claim"), message.get("release")
        if isinstance(claim, str):
            known = message.get("known")
            self._custody.ask(claim, [str(ref) for ref in known] if isinstance(known, list) else [])
        if isinstance(release, str):
            self._custody.release(release)

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                if not self.line.stopping():
                    self.error = error
                    self._failed()

        return threading.Thread(target=guarded, name=name, daemon=True)

    def _pulled(self) -> bool:
        try:
            return self._pull.step()
        except Revoked:
            if not self._journal.meta(REVOKED):
                self._push.ask_again()
            raise

    def _look_up(self) -> None:
        answer_asks(self._asked, self._looking, self._pull.take, self._tell, self.line.stopping)


@contextmanager
def _signals(end: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT end the process in good order."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, lambda *_: end()) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
