"""A till that works and pushes: ``python -m tests.faults.pusher FOLDER URL CODE PLAN``, a process of its own.

It is enrolled, writes the plan's facts into its real journal, and the engine's own push sends them
meanwhile until each is answered. Only waiting is made shorter: a till may back off for a minute. The
last line says, as JSON, how it went.
"""

import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Fact
from posapp.domain.ids import new_fact_id
from posapp.domain.orders import HANDED_OVER
from posapp.domain.tickets import TICKET_HANDED_BACK, TICKET_MOVED, TICKET_OPENED
from posapp.storage.journal import Journal
from sync.engine import client, line, push
from sync.engine.client import Hub
from sync.engine.enrol import enrol
from sync.engine.line import Line, keep_on
from sync.engine.push import Push

STEPS = ((TICKET_MOVED, "in_work"), (TICKET_MOVED, "ready")) * 2
READ_S = 5.0
LOOK_EVERY_S = 0.05
FOLD_EVERY = 2000


@dataclass(frozen=True)
class Plan:
    """A till's work: so many facts, ``orders`` (number -> lines) handed over among them, ``first`` before all.

    ``batch`` is how many facts go into a push at most, 0 for as many as the product sends.
    """

    store: str
    facts: int
    name: str
    seed: int = 0
    batch: int = 0
    orders: dict[str, dict[str, int]] = field(default_factory=dict)
    first: dict[str, Any] | None = None


def work(plan: Plan) -> Iterator[Fact]:
    """The facts: tickets from intake to hand-back, and now and then a hand-over."""
    left = plan.facts
    orders = iter(plan.orders.items())
    apart = max(1, plan.facts // (len(plan.orders) + 1))
    for number, (kind, subject, payload) in enumerate(_told(plan)):
        if left and number and number % apart == 0:
            order = next(orders, None)
            if order is not None:
                left -= 1
                yield _fact(HANDED_OVER, f"order:{order[0]}", {"lines": order[1]})
        if not left:
            return
        left -= 1
        yield _fact(kind, subject, payload)


def _told(plan: Plan) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if plan.first is not None:
        yield plan.first["kind"], plan.first["subject"], plan.first["payload"]
    for number in count():
        ticket = f"ticket:{plan.name}-{number}"
        intake = {"store": plan.store, "job": "repair", "customer": "Anna Miller", "object": "Watch"}
        yield TICKET_OPENED, ticket, intake | {"bag": f"{plan.name}/{number}"}
        for kind, state in STEPS:
            yield kind, ticket, {"to": state}
        yield TICKET_HANDED_BACK, ticket, {}


def _fact(kind: str, subject: str, payload: dict[str, Any]) -> Fact:
    return Fact(new_fact_id(), kind, subject, payload, "Ana", datetime.now(UTC))


def live(folder: Path, url: str, code: str, plan: Plan) -> dict[str, Any]:
    """Work and push until all is answered; what came of it."""
    dice = random.Random(plan.seed)
    line.back_off = lambda failures: dice.uniform(0, 0.05)
    client.READ_S = READ_S
    push.BATCH = plan.batch or push.BATCH
    keys = StoredKeys()
    enrol(url, code, folder, keys)
    key = keys.load(folder)
    journal, sending = (Journal(folder / paths.LEDGER, key, write=True) for _ in range(2))
    hub = Hub(url, journal.meta("token"))
    troubles: Counter[str] = Counter()

    def tell(message: dict[str, Any]) -> None:
        if "line" in message and message["line"]["reason"]:
            troubles[message["line"]["reason"]] += 1

    waiting = Line(tell)
    sender = Push(hub, sending, waiting, tell)
    broken: list[BaseException] = []

    def send() -> None:
        try:
            keep_on(waiting, "push", sender.step, LOOK_EVERY_S)
        except BaseException as error:
            broken.append(error)
            raise

    thread = threading.Thread(target=send, name="push", daemon=True)
    thread.start()
    for number, fact in enumerate(work(plan), start=1):
        journal.append(lambda fact=fact: (fact, ()))  # type: ignore[misc]  # bound in this turn
        if number % FOLD_EVERY == 0:
            journal.checkpoint()
    pause = threading.Event()
    while journal.waiting()[0] and not broken:
        waiting.wake()
        pause.wait(0.1)
    waiting.stop()
    hub.hang_up()
    thread.join(20)
    hub.close()
    sending.close()
    journal.close()
    if broken:
        raise broken[0]
    return {"troubles": troubles}


def main() -> int:
    """Live, and say how it went."""
    folder, url, code, plan = sys.argv[1:]
    found = live(Path(folder), url, code, Plan(**json.loads(Path(plan).read_text())))
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def command(folder: Path, url: str, code: str, plan: Plan) -> list[str]:
    """The command line of such a till; its plan is written beside its folder."""
    file = folder.with_suffix(".plan")
    file.write_text(json.dumps(asdict(plan)))
    return [sys.executable, "-m", "tests.faults.pusher", str(folder), url, code, str(file)]


if __name__ == "__main__":
    sys.exit(main())
