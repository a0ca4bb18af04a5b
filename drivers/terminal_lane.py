"""The thread that waits for the card terminal: it takes minutes, and nothing else waits for it.

What a clerk did is in the journal before it comes here. Results are told through a callable, which the
window makes into a signal.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from posapp.domain.cards import AnswerTold, CardAnswer, CardNews, Ended, ReceiptTold, StepTold
from posapp.domain.errors import Unavailable
from posapp.domain.money import Money
from posapp.ports import PaymentTerminal

log = logging.getLogger(__name__)

LOOK_AGAIN_S, LOOK_AGAIN_AT_MOST_S = 2.0, 30.0
STOP_S = 1.0


class TerminalLane:
    """The terminal's own thread. Promises: one call after the other; a payment is sent once for each `pay`;
    `look_up` asks until it is answered, ever more seldom; `stop` waits at most `STOP_S`, and afterwards
    nothing is told any more. Use as a context manager, or start and stop it.

    Calls: ``on_news`` with `CardNews`, from the thread.
    """

    def __init__(
        self,
        terminal: PaymentTerminal,
        on_news: Callable[[CardNews], object],
        *,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._terminal, self._on_news, self._look_again_s = terminal, on_news, look_again_s
        self._steps: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._due: dict[str, tuple[float, float]] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # -- what the counter asks for; returns at once ---------------------------------------------------
    def ask(self, sale: str) -> None:
        """See the port."""
        self._steps.put(lambda: self._tell(self._asked(sale)))

    def pay(self, sale: str, amount: Money) -> None:
        """See the port."""
        self._steps.put(lambda: self._pay(sale, amount))

    def look_up(self, sale: str) -> None:
        """See the port."""
        self._steps.put(lambda: self._look(sale, self._look_again_s))

    def leave(self, sale: str) -> None:
        """See the port."""
        self._steps.put(lambda: self._leave(sale))

    def cancel(self) -> None:
        """See the port."""
        self._terminal.cancel()

    # -- its life -------------------------------------------------------------------------------------
    def __enter__(self) -> TerminalLane:
        self.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to work. Raises RuntimeError when already started."""
        if self._thread is not None:
            raise RuntimeError("the lane is already started")
        self._thread = threading.Thread(target=self._run, name="card terminal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, also in the middle of a payment: the next start looks it up."""
        self._stopping.set()
        self._terminal.stop()
        self._steps.put(None)
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            sale, (due, again_s) = min(
                self._due.items(), key=lambda item: item[1][0], default=("", (0.0, 0.0))
            )
            step: Callable[[], None] | None
            try:
                step = self._steps.get(timeout=max(0.0, due - time.monotonic()) if sale else None)
            except queue.Empty:
                self._look(sale, again_s)
                continue
            if step is not None:
                step()

    # -- on the thread --------------------------------------------------------------------------------
    def _asked(self, sale: str) -> ReceiptTold:
        try:
            return ReceiptTold(sale, self._terminal.last_receipt())
        except Unavailable as error:
            return ReceiptTold(sale, trouble=error.reason)
        except Exception:
            # Whatever it was, the terminal was not asked; the payment stays open.
            log.exception("the card terminal could not be asked")
            return ReceiptTold(sale, trouble="terminal-unreachable")

    def _pay(self, sale: str, amount: Money) -> None:
        try:
            answer = self._terminal.pay(amount, lambda step: self._tell(StepTold(sale, step)))
        except Exception:
            # A driver that breaks in the middle must not leave the counter waiting: nobody knows the end.
            log.exception("the card payment broke off")
            answer = CardAnswer(Ended.UNKNOWN, why="card-interrupted")
        self._tell(AnswerTold(sale, answer))

    def _look(self, sale: str, again_s: float) -> None:
        told = self._asked(sale)
        self._due.pop(sale, None)
        if told.trouble:
            self._due[sale] = (time.monotonic() + again_s, min(again_s * 2, LOOK_AGAIN_AT_MOST_S))
        self._tell(told)

    def _leave(self, sale: str) -> None:
        self._due.pop(sale, None)

    def _tell(self, news: CardNews) -> None:
        if self._stopping.is_set():
            return
        try:
            self._on_news(news)
        except Exception:
            log.exception("not delivered: %s", news)


def open_terminal(url: str, on_news: Callable[[CardNews], object]) -> TerminalLane | None:
    """The lane to the terminal at this address, not yet started; None where there is none. An address that is
    none is logged: a typing error must not stop a till.
    """
    if not url:
        return None
    from drivers.terminal import ZvtTerminal

    try:
        return TerminalLane(ZvtTerminal(url), on_news)
    except ValueError as error:
        log.warning("%s cannot be used: %s", url, error)
        return None
