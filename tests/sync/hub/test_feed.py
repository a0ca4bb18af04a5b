"""The feed: gapless, complete from 0, and honest about which of the till's facts are inside."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from sync.hub import feed, keys, records, take_in
from sync.hub.database import Database
from sync.hub.records import Change
from sync.hub.shops import tables as shop
from sync.hub.tables import record
from sync.wire import FeedPage
from tests.sync.hub.kit import Json, Served, ready, served
from tests.waiting import until


def change(database: Database, number: str, note: str) -> None:
    """The shop changes an order's note."""
    with database.write() as connection:
        row = records.load_one(connection, "order", number)
        assert row is not None
        body = records.text_of(row.value() | {"note": note})
        records.publish(
            connection, (Change("order", number, row.store, row.rev + 1, row.source, body, True),)
        )


def route(hub: Served, number: str, store: str) -> None:
    """The shop sends an order to another store."""
    with hub.database.write() as connection:
        connection.execute(update(shop.order).where(shop.order.c.number == number).values(store=store))
    found = hub.shop.find(number)
    with hub.database.write() as connection:
        take_in.take_in(connection, found)


def test_the_first_pull_is_the_whole_store_and_nothing_else(hub: Served) -> None:
    desk = hub.desk()
    page = desk.page()
    FeedPage.model_validate(page)
    orders = [c["body"] for c in page["changes"] if c["kind"] == "order"]
    assert {order["store"] for order in orders} == {"B01"}
    assert len(orders) == 31
    (card,) = [c["body"] for c in page["changes"] if c["kind"] == "store"]
    assert (card["code"], card["name"], card["undo_seconds"]) == ("B01", "Uhrenhaus Mitte", 60)
    assert card["address"]
    assert card["hours"]
    assert page["generation"] == desk.generation


def test_pages_meet_without_a_gap(hub: Served) -> None:
    desk = hub.desk()
    after, seen = 0, []
    while True:
        page = desk.page(after, limit=7)
        assert len(page["changes"]) <= 7
        seen += [c["seq"] for c in page["changes"]]
        after = page["next"]
        if after == page["head"]:
            break
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 32


def test_a_page_ends_at_its_size(hub: Served) -> None:
    desk = hub.desk()
    for number in list(desk.records())[1:4]:
        change(hub.database, number, "x" * 3_000_000)
    page = desk.page(desk.page()["head"] - 3)
    assert len(page["changes"]) == 2
    assert page["next"] == page["changes"][-1]["seq"] < page["head"]
    assert len(desk.page(page["next"])["changes"]) == 1


def test_a_change_moves_the_record_and_leaves_no_old_row(hub: Served) -> None:
    desk = hub.desk()
    page = desk.page()
    number = ready(desk)[0]["number"]
    for note in ("eins", "zwei", "drei"):
        change(hub.database, number, note)
    after = desk.page(page["head"])
    assert [(c["id"], c["body"]["note"], c["rev"]) for c in after["changes"]] == [(number, "drei", 4)]
    whole = desk.page()
    assert len(whole["changes"]) == len(page["changes"])


def test_a_rerouted_order_leaves_a_tombstone_in_the_old_store(hub: Served) -> None:
    old, new = hub.desk("B01"), hub.desk("B02")
    (order,) = ready(old)
    number, head = order["number"], old.page()["head"]
    route(hub, number, "B02")
    (gone,) = old.page(head)["changes"]
    assert (gone["id"], gone["body"], gone["rev"]) == (number, None, 2)
    assert new.order(number)["customer"] == order["customer"]
    assert order["customer"] not in old.get("/v1/feed", after=head).text
    route(hub, number, "B01")
    assert new.records()[number] is None
    assert old.order(number)["number"] == number
    assert old.page(head)["changes"][0]["rev"] == 3
    with hub.database.read() as connection:
        stores = connection.execute(select(record.c.store).where(record.c.id == number)).scalars()
        assert sorted(stores) == ["B01", "B02"]


def test_an_order_for_nobody_leaves_its_store(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    route(hub, order["number"], "nowhere")
    assert desk.records()[order["number"]] is None
    assert desk.get(f"/v1/orders/{order['number']}").status_code == 404


# -- what is inside -------------------------------------------------------------------------------
def test_applied_through_follows_the_facts(hub: Served) -> None:
    desk = hub.desk()
    assert desk.page()["applied_through"] == 0
    orders = ready(desk, 3)
    facts = [desk.hand_over(order) for order in orders]
    before = desk.page()["head"]
    desk.push(*facts)
    page = desk.page(before, limit=1)
    assert (len(page["changes"]), page["applied_through"]) == (1, 1)
    assert desk.page(before, limit=2)["applied_through"] == 2
    assert desk.page(before)["applied_through"] == 3
    assert desk.page(before + 3)["applied_through"] == 3


def test_a_fact_without_effect_counts_at_once(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    head = desk.page()["head"]
    desk.one(desk.hand_over(order, {order["lines"][0]["id"]: 99}))
    page = desk.page(head)
    assert ([change["kind"] for change in page["changes"]], page["applied_through"]) == (["case"], 1)


def test_a_record_that_moved_on_takes_its_facts_along(hub: Served) -> None:
    """A till that is behind must not be told that it has what is only to come."""
    desk = hub.desk()
    first, other = ready(desk, 2)
    behind = desk.page()["head"]
    desk.one(desk.hand_over(first))
    at_that_time = desk.page()["head"]
    for position in range(3):
        change(hub.database, other["number"], f"note {position}")
    change(hub.database, first["number"], "moved on")
    page = desk.page(behind, limit=1)
    assert [c["id"] for c in page["changes"]] == [other["number"]]
    assert page["next"] > at_that_time
    assert page["applied_through"] == 0
    assert desk.page(page["next"])["applied_through"] == 1


def test_the_till_of_another_store_has_its_own_count(hub: Served) -> None:
    here, there = hub.desk("B01"), hub.desk("B02")
    here.push(*(here.hand_over(order) for order in ready(here, 2)))
    assert there.page()["applied_through"] == 0


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mirror_never_misses_a_fact_it_is_told_it_has(hub: Served, data: st.DataObject) -> None:
    """Whatever happens between two pages: every fact up to applied_through is in the mirror."""
    desk = hub.desk()
    orders = {o["number"]: o for o in sorted(ready(desk, 40), key=lambda o: str(o["number"]))[:6]}
    mirror: dict[str, dict[str, bool]] = {}
    told: list[tuple[str, str, bool]] = []
    out: dict[str, Json] = {}
    cursor = 0

    def pull() -> None:
        nonlocal cursor
        page = desk.page(cursor, limit=data.draw(st.integers(1, 9)))
        for found in page["changes"]:
            done = found["body"].get("hand_overs", ())
            mirror[found["id"]] = {one["ref"]: one.get("undone", False) for one in done}
        cursor = page["next"]
        for number, ref, undone in told[: page["applied_through"]]:
            assert ref in mirror[number]
            assert mirror[number][ref] or not undone

    def act(number: str) -> None:
        given = out.pop(number, None)
        if given is None:
            out[number] = fact = desk.hand_over(orders[number])
            told.append((number, fact["id"], False))
        else:
            fact = desk.undo(given)
            told.append((number, given["id"], True))
        assert desk.one(fact)["answer"] == "accepted"

    some = st.sampled_from(sorted(orders))
    for step in data.draw(st.lists(st.sampled_from(("pull", "act", "shop")), min_size=3, max_size=14)):
        if step == "pull":
            pull()
        elif step == "act":
            act(data.draw(some))
        else:
            change(hub.database, data.draw(some), data.draw(st.text("abc", max_size=3)))
    for number in list(out):
        act(number)


# -- writers beside each other --------------------------------------------------------------------
def test_a_reader_misses_nothing_while_many_write(hub: Served) -> None:
    desk = hub.desk()
    numbers = [body["number"] for body in ready(desk, 8)]
    rounds = 12
    seen: dict[str, str] = {}
    cursor = desk.page()["head"]
    done = threading.Event()

    def write(number: str) -> None:
        for position in range(rounds):
            change(hub.database, number, f"{number}/{position}")

    def read() -> None:
        nonlocal cursor
        while True:
            last_round = done.is_set()
            with hub.database.read() as connection:
                page = records.page(connection, "B01", cursor, 3)
            for row in page.rows:
                assert row.seq > cursor
                seen[row.id] = row.value()["note"]
            cursor = page.next
            if last_round and cursor == page.head:
                return

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(write, numbers))
    done.set()
    reader.join(30)
    assert seen == {number: f"{number}/{rounds - 1}" for number in numbers}
    with hub.database.read() as connection:
        assert records.head(connection, "B01") == cursor
        taken = connection.execute(select(record.c.seq).where(record.c.store == "B01")).scalars().all()
        assert len(set(taken)) == len(taken)


# -- held polls -----------------------------------------------------------------------------------
def held(hub: Served, desk_headers: dict[str, str], after: int, wait: float = 20) -> requests.Response:
    return requests.get(
        f"{hub.url}/v1/feed", headers=desk_headers, params={"after": after, "wait": wait}, timeout=40
    )


def waiting(hub: Served, count: int) -> None:
    until(lambda: hub.hub.relay.waiting == count)


def test_a_held_poll_is_woken_by_a_push(hub: Served) -> None:
    ana, ben = hub.desk(), hub.desk()
    head = ana.page()["head"]
    (order,) = ready(ana)
    with ThreadPoolExecutor(2) as pool:
        polls = [pool.submit(held, hub, desk.headers, head) for desk in (ana, ben)]
        waiting(hub, 2)
        ana.one(ana.hand_over(order))
        pages = [poll.result(10).json() for poll in polls]
    assert [[c["id"] for c in page["changes"]] for page in pages] == [[order["number"]]] * 2
    assert [page["applied_through"] for page in pages] == [1, 0]


def test_a_held_poll_is_woken_by_another_process(hub: Served, url: str) -> None:
    desk = hub.desk()
    head = desk.page()["head"]
    (order,) = ready(desk)
    beside = Database(url)
    with ThreadPoolExecutor(1) as pool, served(beside) as other:
        poll = pool.submit(held, hub, desk.headers, head)
        waiting(hub, 1)
        body = desk.request(desk.hand_over(order))
        requests.post(f"{other.url}/v1/facts", headers=desk.headers, json=body, timeout=10)
        assert [c["id"] for c in poll.result(10).json()["changes"]] == [order["number"]]
    beside.close()


def test_another_stores_change_wakes_nobody_here(hub: Served) -> None:
    here, there = hub.desk("B01"), hub.desk("B02")
    head = here.page()["head"]
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        poll = pool.submit(held, hub, here.headers, head, 1.5)
        waiting(hub, 1)
        there.one(there.hand_over(ready(there)[0]))
        page = poll.result(10).json()
    assert time.monotonic() - begun >= 1.5
    assert (page["changes"], page["next"]) == ([], head)


def test_the_end_answers_held_polls(hub: Served) -> None:
    desk = hub.desk()
    head = desk.page()["head"]
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(held, hub, desk.headers, head)
        waiting(hub, 1)
        hub.hub.release()
        assert poll.result(5).json()["changes"] == []


def test_many_held_polls_hold_no_connection(hub: Served) -> None:
    desk = hub.desk()
    head = desk.page()["head"]
    with ThreadPoolExecutor(60) as pool:
        polls = [pool.submit(held, hub, desk.headers, head) for _ in range(60)]
        waiting(hub, 60)
        # Far more polls than connections, and the hub still answers others.
        assert hub.hub.relay.events == 1
        assert desk.one(desk.hand_over(ready(desk)[0]))["answer"] == "accepted"
        assert all(len(poll.result(10).json()["changes"]) == 1 for poll in polls)


# -- another past ---------------------------------------------------------------------------------
def test_a_cursor_the_feed_never_reached_is_gone(hub: Served) -> None:
    desk = hub.desk()
    answer = desk.get("/v1/feed", after=desk.page()["head"] + 1)
    assert (answer.status_code, answer.json()["error"]) == (410, "cursor-unknown")


def test_a_restored_hub_has_another_generation(hub: Served) -> None:
    desk = hub.desk()
    with hub.database.write() as connection:
        keys.renew_generation(connection)
    assert desk.page()["generation"] != desk.generation


def test_the_pages_bytes_are_what_the_wire_says(hub: Served) -> None:
    """The page is put together from stored texts; it must still be the message, whatever is inside."""
    till = hub.desk()
    with hub.database.write() as connection:
        body = records.text_of({"who": 'Ü"\\\u2028\n</script>', "n": 1})
        records.publish(connection, (Change('odd"kind', 'id\n"\\', "B01", 1, "", body, False),))
    page = feed.page(hub.database, till.token, 0, 500)
    raw = page.as_json("2026-01-02T03:04:05.000000Z")
    parsed = FeedPage.model_validate_json(raw)
    assert parsed.changes[-1].kind == 'odd"kind'
    assert parsed.changes[-1].body == {"who": 'Ü"\\\u2028\n</script>', "n": 1}
    assert json.loads(raw)["clock"] == parsed.clock
