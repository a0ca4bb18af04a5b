"""Who waits for news is told what a push moved, without the database: the very page that it would give."""

import random
import threading

import pytest

from posapp.domain.custody import token
from sync.hub import feed, tills
from sync.hub.feed import Moved, Slice, Told
from sync.hub.ledger import Ledger
from sync.hub.records import Row
from tests.sync.hub.kit import Desk, Served, ready
from tests.sync.hub.test_together import ask, ticket
from tests.waiting import until

HELD, LABEL = {"token": token(1, 1)}, {"provisional": "label"}
CLOCK = "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("seed", range(4))
def test_the_page_is_the_databases(hub: Served, seed: int) -> None:
    moves: list[tuple[str, Moved | None]] = []
    ledger = Ledger(hub.database, hub.clock, lambda store, head, by: moves.append((store, by)))
    chance = random.Random(seed)
    desks = [hub.desk(store) for store in ("B01", "B01", "B01", "B02", "B02")]
    orders = {store: ready(next(d for d in desks if d.store == store), 8) for store in ("B01", "B02")}
    at = {desk.till: feed.page(hub.database, desk.token, _head(hub, desk), 500).told for desk in desks}
    made = 0
    for number in range(20):
        asks = []
        for desk in chance.sample(desks, chance.randint(2, 4)):
            kind = chance.choice(["order", "order", "ticket", "wrong", "provisional"])
            if kind == "ticket" or not orders[desk.store]:
                body = ticket(desk, chance.randrange(10**9))
                fact = desk.fact("TicketOpened", f"ticket:T{seed}-{number}-{desk.till}", body)
            elif kind == "wrong":
                fact = desk.fact("HandedOver", "order:NOBODY", {"lines": {"1": 1}})
            else:
                fact = desk.hand_over(orders[desk.store].pop(), custody=HELD if kind == "order" else LABEL)
            asks.append(ask(desk, fact))
        moves.clear()
        assert not [one for one in ledger.push_all(asks) if isinstance(one, Exception)]
        for desk in desks:
            before = at[desk.till]
            truth = feed.page(hub.database, desk.token, before.cursor, 500)
            known = [by for store, by in moves if store == desk.store]
            page = before.then(desk.till, known[0], 500) if len(known) == 1 and known[0] else None
            at[desk.till] = truth.told
            if page is not None:
                made += 1
                assert page.told.applied_through <= truth.told.applied_through
                if page.told.applied_through == truth.told.applied_through:
                    assert page.as_json(CLOCK) == truth.as_json(CLOCK)
                    at[desk.till] = page.told
                assert page.slice.changes == truth.slice.changes
    assert made > 10


def test_what_came_between_is_left_to_the_database() -> None:
    told = Told(7, 3, "", at=1e12)
    rows = [Row("order", f"W-{seq}", "B01", 1, seq, "", "{}") for seq in (8, 9)]
    pushed = {"B01-1": 4, "B01-2": 9}
    moved = Moved(Slice(rows, 9, 9), pushed)
    page = told.then("B01-1", moved, 2)
    assert page is not None
    assert (page.told.cursor, page.told.applied_through) == (9, 4)
    other = told.then("B01-2", moved, 2)
    assert other is not None
    # Facts of it are on their way that this part does not tell of.
    assert other.told.applied_through == 3
    assert told.then("B01-1", moved, 1) is None
    assert told.then("B01-1", Moved(Slice(rows, 10, 10), pushed), 2) is None
    assert Told(6, 3, "", at=1e12).then("B01-1", moved, 2) is None
    assert Told(7, 3, "", at=-feed.FRESH_S).then("B01-1", moved, 2) is None


@pytest.mark.parametrize("ending", ["revoked", "enrolled again"])
def test_a_till_that_ends_is_told_while_it_waits(hub: Served, ending: str) -> None:
    one, other = hub.desk(), hub.desk()
    after = _head(hub, one)
    answers: list[int] = []

    def wait() -> None:
        answers.append(one.get("/v1/feed", after=after, limit=500, wait=25).status_code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: hub.hub.relay.waiting == 1)
    if ending == "revoked":
        tills.revoke(hub.database, one.till, hub.clock())
    else:
        code = tills.offer(hub.database, one.store, hub.clock(), one.till)
        tills.enrol(hub.database, code, "", hub.clock())
    waiting.join(10)
    assert answers == [403 if ending == "revoked" else 401]
    assert other.one(other.hand_over(ready(other, 1)[0]))["answer"] == "accepted"


def _head(hub: Served, desk: Desk) -> int:
    head: int = desk.page()["head"]
    return head
