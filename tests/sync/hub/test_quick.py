"""The quick way of the tills' two calls says what the framework's way says; many asks are one look."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from sync.hub import connections, feed, tills
from sync.hub.gather import LANES, MOST, Gather
from sync.hub.hot import Hot
from sync.hub.refusals import Refusal
from sync.hub.tables import meta
from tests.sync.hub.kit import Desk, Served, ready


def body_of(desk: Desk, query: str) -> Any:
    """The page of a feed, without the time of it."""
    answer = desk.served.session.get(f"{desk.served.url}/v1/feed?{query}", headers=desk.headers)
    return answer.status_code, {key: value for key, value in answer.json().items() if key != "clock"}


def test_a_page_is_the_same_in_any_form_of_asking(standing: Served) -> None:
    desk = standing.guest
    plain = body_of(desk, "after=3&limit=7")
    assert plain[0] == 200
    assert len(plain[1]["changes"]) == 7
    assert body_of(desk, "limit=7&after=3") == plain
    assert body_of(desk, "after=3&limit=7&wait=0") == body_of(desk, "after=3&limit=7&wait=0.0") == plain


@pytest.mark.parametrize("query", ["after=0&limit=0", "after=0&limit=501", "after=0&limit=1&wait=26"])
def test_numbers_out_of_range_go_the_frameworks_way(standing: Served, query: str) -> None:
    status, told = body_of(standing.guest, query)
    assert (status, told["error"]) == (422, "malformed")


def test_a_malformed_push_is_told_what_is_wrong_with_it(standing: Served) -> None:
    told = standing.guest.send({"epoch": 0, "prev_seq": 0, "prev_hash": "x", "facts": []})
    assert told.status_code == 422
    assert told.json()["message"].startswith("body.epoch")


def test_one_fact_that_follows_is_taken_like_one_in_a_batch(hub: Served) -> None:
    desk = hub.desk()
    first, second, third = ready(desk, 3)
    assert desk.one(desk.hand_over(first))["answer"] == "accepted"
    several = [desk.hand_over(second), desk.hand_over(third)]
    assert [one["answer"] for one in desk.push(*several)] == ["accepted", "accepted"]
    again = desk.one(desk.hand_over(first))
    assert (again["answer"], again["reason"]) == ("rejected", "already-handed-over")
    # Sent again, the last one is no longer the next: its stored answer comes.
    repeated = desk.push(desk.chain[-1])[0]
    assert (repeated["answer"], repeated["replayed"]) == ("rejected", True)


def test_each_of_many_asks_has_its_own_answer(hub: Served) -> None:
    desk, revoked = hub.desk(), hub.desk()
    tills.revoke(hub.database, revoked.till, hub.clock())
    head = desk.page()["head"]
    asks = [
        feed.Ask(desk.token, 0, 5),
        feed.Ask("nobody", 0, 5),
        feed.Ask(desk.token, head, 5),
        feed.Ask(revoked.token, 0, 5),
        feed.Ask(desk.token, head + 1, 5),
        feed.Ask(hub.desk("B02").token, 0, 500),
        feed.Ask(desk.token, 0, 5),
    ]
    found = feed.pages(hub.database, asks)
    assert [one.status if isinstance(one, Refusal) else one.next for one in found[:5]] == [
        *(found[6].next, 401, head),  # type: ignore[union-attr]  # a page
        *(403, 410),
    ]
    assert found[0] == found[6]
    other = found[5]
    assert isinstance(other, feed.Page)
    assert {row.store for row in other.rows} == {"B02"}


def test_whoever_asks_during_a_look_is_answered_by_the_next() -> None:
    async def scene() -> list[int]:
        sizes: list[int] = []
        go, begun, all_asked = asyncio.Event(), asyncio.Event(), asyncio.Event()
        to_ask = set(range(3, 3 + 2 * MOST))

        async def look(asked: Sequence[int]) -> list[int | Exception]:
            sizes.append(len(asked))
            begun.set()
            await go.wait()
            return [KeyError(one) if one == 13 else one * 2 for one in asked]

        gather = Gather[int, int](look)
        early = [asyncio.create_task(gather.ask(n)) for n in range(3)]
        await begun.wait()

        async def ask(n: int) -> int:
            to_ask.discard(n)
            if not to_ask:
                all_asked.set()
            return await gather.ask(n)

        late = [asyncio.create_task(ask(n)) for n in range(3, 3 + 2 * MOST)]
        await all_asked.wait()
        late[5].cancel()
        go.set()
        told = await asyncio.gather(*early, *late, return_exceptions=True)
        assert isinstance(told[13], KeyError)
        assert isinstance(told[8], asyncio.CancelledError)
        assert [one for n, one in enumerate(told) if n not in (8, 13)] == [
            2 * n for n in range(3 + 2 * MOST) if n not in (8, 13)
        ]
        return sizes

    sizes = asyncio.run(scene())
    assert sizes[0] == 3
    assert len(sizes) <= LANES + 2
    assert max(sizes) <= MOST


def test_a_look_that_fails_fails_for_all_who_asked() -> None:
    async def scene() -> list[Any]:
        async def look(asked: Sequence[int]) -> list[int | Exception]:
            raise OSError("gone")

        gather = Gather[int, int](look)
        return list(await asyncio.gather(gather.ask(1), gather.ask(2), return_exceptions=True))

    assert [type(one) for one in asyncio.run(scene())] == [OSError, OSError]


def test_a_hot_statement_raises_what_any_statement_raises(hub: Served) -> None:
    put, get = Hot(insert(meta)), Hot(select(meta.c.value).where(meta.c.key == bindparam("of")))
    change = Hot(update(meta).where(meta.c.key == bindparam("of")).values(value=bindparam("to")))
    with hub.database.write() as connection:
        put.changed(connection, key="hot", value="a")
        assert get.value(connection, of="hot") == "a"
        assert (
            change.changed(connection, of="hot", to="b"),
            change.changed(connection, of="cold", to="b"),
        ) == (1, 0)
        assert (get.first(connection, of="hot"), get.first(connection, of="cold")) == (("b",), None)
    with pytest.raises(IntegrityError), hub.database.write() as connection:
        put.changed(connection, key="hot", value="again")
    with hub.database.read() as connection:
        assert get.rows(connection, of="hot") == [("b",)]


@pytest.mark.parametrize("kind", ["postgresql"], indirect=False)
def test_a_connection_that_was_cut_is_not_used_again(kind: str, hub: Served) -> None:
    one = Hot(select(meta.c.key).limit(1))
    with pytest.raises(OperationalError) as told, hub.database.write() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    assert told.value.connection_invalidated

    def cut(connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        raw.pgconn.finish()
        one.rows(connection)

    with pytest.raises(OperationalError) as told, hub.database.write() as connection:
        cut(connection)
    assert told.value.connection_invalidated
    with hub.database.write() as connection:
        assert one.rows(connection)


def test_a_header_without_end_is_cut_however_fast_it_comes(standing: Served) -> None:
    host, port = standing.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"GET /v1/health HTTP/1.1\r\n")
        with suppress(ConnectionError):
            line.sendall(b"X-Long: " + b"a" * 2 * connections.HEAD_BYTES + b"\r\n")
            # Cut without a word: the end, or a line that is reset.
            assert line.recv(1) == b""
