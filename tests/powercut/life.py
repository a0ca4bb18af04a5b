"""One till's life with its ledger, lived to be cut: ``python -m tests.powercut.life OUT SEED…``.

The real code of window and sync: the key is made, the folder becomes a till, facts are appended,
answers settled, cases closed, values kept, write-ahead logs folded, copies made, files closed and
opened again, also both at once. Each life is written to ``OUT/SEED.life``.
"""

from __future__ import annotations

import argparse
import os
import pickle
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import CASE_SETTLED, Answer, Entry, Fact, canonical, timestamp
from posapp.domain.ids import new_fact_id
from posapp.storage import copies, files
from posapp.storage.journal import Journal
from posapp.storage.migrations import upgrade
from posapp.storage.mirror import open_writer
from posapp.storage.restore import restore
from tests.powercut.disk import found_in, whole
from tests.powercut.log import Log
from tests.powercut.recorder import Recorder

BEGIN = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
STEPS = 70
ENROLLED, COPIED = "enrolled", "copied"
DAMAGED, MENDED = "damaged", "mended"


def told(entry: Entry) -> str:
    """What a fact must be found as."""
    return f"{entry.fact.subject} {sha256(entry.payload).hexdigest()}"


class Life:
    """One till in ``folder``; everything it does is in ``log``."""

    def __init__(self, folder: Path, log: Log, random: Random) -> None:
        self._folder = folder
        self._log = log
        self._random = random
        self._ledger = folder / paths.LEDGER
        self._facts = 0

    def live(self, *, both_at_once: bool) -> None:
        """From the first byte to the last."""
        self._key = StoredKeys().create(self._folder)
        self._log.tell("key", self._key.hex())
        upgrade(self._ledger, self._key)
        self._window = self._open()
        self._say("meta:till", "t1", lambda: self._window.set_meta(till="t1", epoch="1"))
        self._log.tell(ENROLLED, "yes")
        self._sync = self._open()
        if both_at_once:
            self._at_once()
        else:
            for _ in range(STEPS):
                self._one_of(
                    (self._append, 12),
                    (self._settle, 4),
                    (self._close_case, 1),
                    (self._keep, 1),
                    (self._fold, 2),
                    (self._reopen, 1),
                    (self._copy, 1),
                )
        for journal in (self._window, self._sync):
            journal.close()

    def be_mended(self) -> None:
        """A short life, a copy in its midst; then its ledger is damaged, and the till restored."""
        self._key = StoredKeys().create(self._folder)
        upgrade(self._ledger, self._key)
        self._window = self._open()
        self._window.set_meta(till="t1")
        for _ in range(5):
            self._append()
        copies.make(self._folder, self._key)
        for _ in range(5):
            self._append()
        open_writer(self._folder, self._key).close()
        self._window.close()
        handle = os.open(self._ledger, os.O_RDWR)
        os.write(handle, bytes(4096))
        os.fsync(handle)
        os.close(handle)
        self._log.tell(DAMAGED, sha256(self._ledger.read_bytes()).hexdigest())
        restore(self._folder, self._key, lambda journal: ())
        self._log.tell(MENDED, "5")

    def _open(self) -> Journal:
        return Journal(self._ledger, self._key, write=True)

    def _one_of(self, *chances: tuple[Callable[[], None], int]) -> None:
        (do,) = self._random.choices([one for one, _ in chances], [weight for _, weight in chances])
        do()

    def _say(self, key: str, value: str, do: Callable[[], object]) -> None:
        self._log.intend(key, value)
        do()
        self._log.tell(key, value)

    # -- the window -------------------------------------------------------------------------------
    def _append(self, kind: str = "HandedOver", closes: Entry | None = None) -> None:
        self._facts += 1
        note = "x" * self._random.choice((3, 40, 900, 6000))
        fact = Fact(
            new_fact_id(),
            kind,
            f"order:W-{self._facts % 7}",
            {"note": note, "n": self._facts},
            "ana",
            BEGIN + timedelta(seconds=self._facts),
        )

        def decide() -> tuple[Fact, tuple[str, ...]]:
            if closes is not None:
                self._window.close_case(closes.fact.id, fact.id)
            return fact, (f"T-{self._facts}",)

        value = f"{fact.subject} {sha256(canonical(fact.payload)).hexdigest()}"
        self._log.intend(f"fact:{fact.id}", value)
        self._log.intend(f"token:T-{self._facts}", fact.subject)
        if closes is not None:
            self._log.intend(f"case:{closes.seq}", "closed")
        entry = self._window.append(decide)
        self._log.tell(f"fact:{fact.id}", told(entry))
        self._log.tell(f"token:T-{self._facts}", fact.subject)
        if closes is not None:
            self._log.tell(f"case:{closes.seq}", "closed")

    def _close_case(self) -> None:
        cases = self._window.cases()
        if cases:
            self._append(CASE_SETTLED, cases[0][0])

    def _keep(self) -> None:
        value = str(self._facts)
        self._say("meta:heard", value, lambda: self._window.set_meta(heard=value))

    # -- sync -------------------------------------------------------------------------------------
    def _settle(self) -> None:
        waiting = self._sync.after(self._sync.unanswered(), self._random.randint(1, 5))
        answers: list[tuple[int, Answer, dict[str, Any]]] = []
        for entry in waiting:
            answer = Answer.REJECTED if self._random.random() < 0.2 else Answer.ACCEPTED
            answers.append((entry.seq, answer, {"reason": "x" * 20}))
        for seq, answer, _ in answers:
            self._log.intend(f"answer:{seq}", answer)
            if answer is Answer.REJECTED:
                self._log.intend(f"case:{seq}", "open")
        self._sync.settle(answers, timestamp(BEGIN))
        for seq, answer, _ in answers:
            self._log.tell(f"answer:{seq}", answer)
            if answer is Answer.REJECTED:
                self._log.tell(f"case:{seq}", "open")

    def _fold(self) -> None:
        self._sync.checkpoint()

    def _copy(self) -> None:
        """What a copy holds at least: as many facts as there were when it was begun."""
        head, _ = self._window.head()
        self._log.intend(COPIED, str(head))
        copies.make(self._folder, self._key)
        self._log.tell(COPIED, str(head))

    # -- both -------------------------------------------------------------------------------------
    def _reopen(self) -> None:
        """One process ends and starts again, or both: the last one to close folds the log in."""
        which = self._random.choice(("window", "sync", "both"))
        if which in ("window", "both"):
            self._window.close()
        if which in ("sync", "both"):
            self._sync.close()
        if which in ("window", "both"):
            self._window = self._open()
        if which in ("sync", "both"):
            self._sync = self._open()

    def _at_once(self) -> None:
        """Window and sync side by side, as two threads; each looks at nothing of the other's."""
        failed: list[BaseException] = []
        ended = threading.Event()

        def serve() -> None:
            try:
                while not ended.is_set():
                    self._settle()
                    self._fold()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=serve, name="sync")
        thread.start()
        for _ in range(STEPS):
            self._append()
        ended.set()
        thread.join()
        if failed:
            raise failed[0]


def record(seed: int, *, normal: bool = False, mended: bool = False) -> Log:
    """One life's log. ``normal`` is the planted fault: the ledger does not sync its commits.

    ``mended`` is another life, that of `Life.be_mended`.

    Raises RuntimeError where the log would not give the folder as it is: then something was written
    in a way that is not recorded.
    """
    random = Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="posapp-life-"))).resolve()
        os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
        if normal:
            real = files.connect
            stack.enter_context(
                mock.patch.object(
                    files,
                    "connect",
                    lambda path, key, *, write=False, durable=False: real(path, key, write=write),
                )
            )
        log = Log(folder)
        with Recorder(folder, log):
            life = Life(folder, log, random)
            if mended:
                life.be_mended()
            else:
                life.live(both_at_once=seed % 4 == 3)
        if whole(log) != found_in(folder):
            raise RuntimeError(f"life {seed}: something was written that was not recorded")
    return log


def main() -> int:
    """Write the lives asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.powercut.life", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("seeds", type=int, nargs="+", metavar="SEED")
    parser.add_argument("--normal", action="store_true", help="with the ledger set to synchronous=NORMAL")
    parser.add_argument("--mended", action="store_true", help="a damaged ledger and the way back from it")
    chosen = parser.parse_args()
    for seed in chosen.seeds:
        log = record(seed, normal=chosen.normal, mended=chosen.mended)
        fresh = chosen.out / f"{seed}.new"
        fresh.write_bytes(pickle.dumps(log.steps))
        shutil.move(fresh, chosen.out / f"{seed}.life")
    return 0


if __name__ == "__main__":
    sys.exit(main())
