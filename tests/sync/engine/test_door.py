"""The lead's door: neighbours get their claims with the hub cut off, and nobody else gets anything."""

import ipaddress
import socket
import ssl
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from posapp.domain import custody
from posapp.domain.ids import new_fact_id
from posapp.storage.claims import uptime_ms
from sync import wire
from sync.engine import door
from sync.engine.neighbours import Identity
from tests.sync.engine.neighbourhood import Store, Till, store, till_in


def test_a_neighbour_hands_over_and_the_third_till_is_told(shop: Store) -> None:
    _, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    assert third.ask("A1") == {"order": "A1", "state": "held", "till": second.name}
    done = second.hand_over("A1")
    assert custody.epoch_of(done.fact.payload["custody"]["token"]) == 1
    assert third.ask("A1")["state"] == "held"
    # The clerk turns to something else: the order is free, but not for who does not know of the hand-over.
    second.custody.release("A1")
    assert second.ask("B2")["state"] == "granted"
    assert third.ask("A1")["state"] == "behind"
    assert third.ask("A1", done.fact.id)["state"] == "granted"
    assert third.ask("B2")["state"] == "held"


def test_what_is_released_unused_is_free_at_once(shop: Store) -> None:
    _, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    second.custody.release("A1")
    assert second.ask("B2")["state"] == "granted"
    assert third.ask("A1")["state"] == "granted"
    assert not second.claims.granted("A1")


def test_asking_again_by_another_way_is_the_same_claim(shop: Store) -> None:
    lead, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    token = second.claims.granted("A1")
    # The answer by the door was lost: the same question comes through the hub.
    number = int(second.journal.meta("asked"))
    again = lead.custody.grant(second.name, wire.ClaimRequest(order="A1", number=number))
    assert (again.state, again.token) == ("granted", token)
    assert third.ask("A1")["state"] == "held"


def test_a_release_that_comes_late_by_another_way_frees_nothing(shop: Store) -> None:
    lead, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    number = int(second.journal.meta("asked"))
    # Given back while the door was shut, through the hub, where the lead hears of it only later.
    late = wire.ClaimRequest(order="A1", release=True, complete=True, number=number + 1)
    second.journal.set_meta(asked=str(number + 1))
    assert second.ask("A1")["state"] == "granted"
    assert lead.custody.grant(second.name, late).state == "held"
    assert third.ask("A1")["state"] == "held"


def test_a_release_through_the_hub_tells_of_a_hand_over_that_has_not_arrived(shop: Store) -> None:
    lead, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    done = second.hand_over("A1")
    said = wire.ClaimRequest(order="A1", known=[done.fact.id], release=True)
    assert lead.custody.grant(second.name, said).state == "held"
    assert third.ask("A1")["state"] == "behind"


def test_a_lapsed_claim_is_free_only_once_its_holder_told_everything(shop: Store) -> None:
    lead, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    second.hand_over("A1")
    with lead.journal.transaction() as execute:
        execute("UPDATE claim SET until_ms = ?", (uptime_ms() - 1,))
    assert third.ask("A1")["state"] == "held"
    # It asks for something else, and so tells what it has handed over: now the order waits for who knows that.
    assert second.ask("B2")["state"] == "granted"
    assert third.ask("A1")["state"] == "behind"


def test_who_has_more_of_the_feed_than_the_lead_is_not_taken_for_complete(shop: Store) -> None:
    """What it did may be in that part; a lead that believes it would grant what has left."""
    lead, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    with lead.journal.transaction() as execute:
        execute("UPDATE claim SET until_ms = ?", (uptime_ms() - 1,))
    second.pull._mirror.note(generation="g", cursor="7", applied_through="0")
    assert second.ask("B2")["state"] == "granted"
    assert third.ask("A1")["state"] == "held"
    lead.pull._mirror.note(generation="another", cursor="9")
    assert second.ask("B2")["state"] == "granted"
    assert third.ask("A1")["state"] == "held"
    lead.pull._mirror.note(generation="g", cursor="7")
    assert second.ask("B2")["state"] == "granted"
    assert third.ask("A1")["state"] == "granted"


def test_a_role_that_has_moved_is_answered_by_nobody_else(shop: Store) -> None:
    lead, second, third = shop.tills
    shop.introduce(lead=third.name, epoch=2)
    assert lead.custody.doors() == []
    assert second.ask("A1")["state"] == "silent"
    shop.doors = [third.door]
    shop.introduce(lead=third.name, epoch=2)
    assert second.ask("A1")["state"] == "granted"
    assert custody.epoch_of(second.claims.granted("A1")) == 2
    assert lead.ask("A1") == {"order": "A1", "state": "held", "till": second.name}


def test_a_store_that_is_named_another_lead_asks_the_hub_how_it_stands(shop: Store) -> None:
    second, never = shop.tills[1], float("inf")
    second.settle()
    second.custody._renew_at = never
    for card in ({}, {"lead": shop.lead.name, "lead_epoch": 1}):
        second.custody.seen("store", "B01", card)
    second.settle()
    assert second.custody._renew_at == never
    second.custody.seen("store", "B01", {"lead": second.name, "lead_epoch": 2})
    second.settle()
    assert second.custody._renew_at < never


def test_door_port_and_certificate_stay_over_a_restart(tmp_path: Path) -> None:
    with store(tmp_path) as one:
        before = (one.lead.door, one.lead.identity)
    with store(tmp_path) as one:
        assert (one.lead.door, one.lead.identity) == before
        assert one.tills[1].ask("A1")["state"] == "granted"


def test_only_with_a_hub_on_this_machine_neighbours_are_on_it_too(tmp_path: Path) -> None:
    assert door.own_addresses("http://127.0.0.1:8321")[0] == "127.0.0.1"
    assert door.own_addresses("http://localhost:8321")[0] == "127.0.0.1"
    elsewhere = [ipaddress.ip_address(one) for one in door.own_addresses("https://hub.example")]
    assert not any(one.is_loopback or one.is_link_local for one in elsewhere)
    # On all interfaces, told as addresses that can be called.
    with till_in(tmp_path / "one", "B01-1", ("", 0)) as lead, till_in(tmp_path / "two", "B01-2") as other:
        one = Store(tmp_path, [lead, other])
        one.introduce()
        one.doors = lead.custody.doors()
        assert one.doors[0].startswith("127.0.0.1:")
        one.introduce()
        assert other.ask("A1")["state"] == "granted"


def test_a_hub_that_knows_of_no_doors_changes_nothing_else(shop: Store) -> None:
    lead, second, _ = shop.tills
    told = wire.Leased.model_validate({"lead": lead.name, "epoch": 1, "seconds": 3600, "alone": False})
    for till in shop.tills:
        till.hear(told)
    assert second.ask("A1")["state"] == "silent"
    assert lead.ask("A1")["state"] == "granted"


def test_a_till_that_is_told_to_has_no_door(tmp_path: Path) -> None:
    with till_in(tmp_path / "one", "B01-1", None) as lead, till_in(tmp_path / "two", "B01-2") as other:
        Store(tmp_path, [lead, other]).introduce()
        assert lead.custody.doors() == []
        assert other.custody.doors() == []


def test_a_claim_is_not_used_longer_because_its_answer_was_long_on_the_way(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the machine slept in between."""
    second, slept = shop.tills[1], [0]
    monkeypatch.setattr("sync.engine.custody.uptime_ms", lambda: uptime_ms() + slept[0])
    ask = second.custody._lead.ask

    def slowly(*args: Any) -> wire.Message:
        answer: wire.Message = ask(*args)
        slept[0] += 1000 * custody.CLAIM_S
        return answer

    monkeypatch.setattr(second.custody._lead, "ask", slowly)
    second.ask("A1")
    assert granted_to(shop.lead) == {second.name}
    assert not second.claims.granted("A1")


STEP = st.one_of(
    st.tuples(st.sampled_from(["ask", "ask, unanswered", "release", "release, delayed"]), st.integers(1, 2)),
    st.tuples(st.just("late"), st.integers(0, 3)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=[("ask", 1), ("release, delayed", 1), ("ask", 1), ("late", 1), ("ask", 2)])
@given(steps=st.lists(STEP, max_size=14))
def test_whatever_comes_late_twice_or_by_two_ways_an_order_has_one_holder(
    shop: Store, steps: list[tuple[str, int]]
) -> None:
    """Two tills ask and give back; every word of theirs may come again, or come late, by the other way."""
    lead, order = shop.lead, new_fact_id()
    holds = {1: False, 2: False}
    said: list[tuple[str, wire.ClaimRequest]] = []
    for what, at in steps:
        if what == "late":
            for name, words in said[at : at + 1]:
                lead.custody.grant(name, words)
            continue
        till, release = shop.tills[at], what.startswith("release")
        words = wire.ClaimRequest(order=order, release=release, number=till.custody._number())
        said.append((till.name, words))
        if release:
            holds[at] = False
        if what != "release, delayed":
            answer = lead.custody.grant(till.name, words)
            holds[at] = holds[at] or (what == "ask" and answer.state == "granted")
        assert not (holds[1] and holds[2])


# -- strangers ------------------------------------------------------------------------------------
def knock(at: str, context: ssl.SSLContext | None, *parts: bytes, ended: bool = False) -> bytes:
    """Everything that comes back; empty where the door hangs up."""
    host, _, port = at.rpartition(":")
    raw = b""
    with suppress(OSError), ExitStack() as stack:
        line = stack.enter_context(socket.create_connection((host, int(port)), 10))
        if context is not None:
            line = stack.enter_context(context.wrap_socket(line))
        for part in parts:
            line.sendall(part)
        if ended:
            line.shutdown(socket.SHUT_WR)
        while part := line.recv(4096):
            raw += part
    return raw


def post(body: bytes, *, length: int | None = None, path: str = "/v1/claims") -> bytes:
    said = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {said}\r\n\r\n".encode() + body


def asks(order: str) -> bytes:
    return post(wire.DirectRequest(order=order, number=1).model_dump_json().encode())


def shown(of: Identity | None, trusted: bytes) -> ssl.SSLContext:
    """A caller with this certificate, or with none, who looks the door's up as it should be."""
    if of is not None:
        return of.context(ssl.PROTOCOL_TLS_CLIENT, [trusted])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=trusted)
    return context


def granted_to(lead: Till) -> set[str]:
    """Who holds anything at all."""
    with lead.journal.transaction() as execute:
        return {till for (till,) in execute("SELECT till FROM claim")}


def test_strangers_get_nothing(shop: Store, tmp_path: Path) -> None:
    lead, second, third = shop.tills
    at, der = lead.door, lead.identity.der
    with till_in(tmp_path / "elsewhere", "B02-1", None) as elsewhere:
        revoked = third.identity
        shop.introduce(lead, second)
        assert knock(at, None, asks("A1")) == b""
        assert knock(at, shown(None, der), asks("A1")) == b""
        assert knock(at, shown(elsewhere.identity, der), asks("A1")) == b""
        assert knock(at, shown(revoked, der), asks("A1")) == b""
        # The other way round: who is not the lead is told nothing.
        host, _, port = at.rpartition(":")
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            socket.create_connection((host, int(port)), 10) as plain,
        ):
            shown(second.identity, elsewhere.identity.der).wrap_socket(plain)
    assert granted_to(lead) == set()
    assert second.ask("A1")["state"] == "granted"
    assert third.ask("A1")["state"] == "silent"


def test_old_tls_is_not_spoken(shop: Store) -> None:
    context = shown(shop.tills[1].identity, shop.lead.identity.der)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert knock(shop.lead.door, context, asks("A1")) == b""


NONSENSE = [
    (post(b"{}", path="/v1/facts"), b"404"),
    (b"GET /v1/claims HTTP/1.1\r\n\r\n", b"404"),
    (b"POST /v1/claims HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
    (b"POST /v1/claims HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"411"),
    (post(b"", length=1 << 20), b"413"),
    (b"POST /v1/claims HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"431"),
    (b"X" * 8192, b"431"),
    (post(b"{}"), b"422"),
    (post(b"\xff\xfe"), b"422"),
    (post(b'{"order": "A1", "known": 7}'), b"422"),
    (post(b"[" * 100_000), b"422"),
]


def test_a_neighbour_that_talks_nonsense_is_told_so(shop: Store) -> None:
    second = shop.tills[1]
    context = shown(second.identity, shop.lead.identity.der)
    for said, status in NONSENSE:
        assert knock(shop.lead.door, context, said).split(b" ")[1:2] == [status]
    assert granted_to(shop.lead) == set()
    assert second.ask("A1")["state"] == "granted"


def test_a_megabyte_is_not_read(shop: Store) -> None:
    context = shown(shop.tills[1].identity, shop.lead.identity.der)
    assert b"200" not in knock(shop.lead.door, context, post(b"{" + b" " * (1 << 20)))
    assert granted_to(shop.lead) == set()


def test_who_is_slow_is_cut_off_and_holds_up_nobody(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, second, third = shop.tills
    monkeypatch.setattr(door, "HEARD_S", 0.5)
    host, _, port = lead.door.rpartition(":")
    tls = shown(third.identity, lead.identity.der).wrap_socket(socket.create_connection((host, int(port))))
    # From one address there may be a few at a time; these say nothing at all.
    idle = [socket.create_connection((host, int(port)), source_address=("127.0.0.9", 0)) for _ in range(12)]
    try:
        tls.sendall(b"POST /v1/claims HTTP/1.1\r\n")
        assert second.ask("A1")["state"] == "granted"
        with suppress(OSError):
            assert tls.recv(100) == b""
        for one in idle:
            one.settimeout(10)
            with suppress(ConnectionResetError):
                assert one.recv(100) == b""
    finally:
        for one in (tls, *idle):
            one.close()
    assert third.ask("B2")["state"] == "granted"


def test_a_machine_without_room_for_threads_turns_callers_away(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, second = shop.tills[:2]
    start = threading.Thread.start

    def full(thread: threading.Thread) -> None:
        if thread.name == "caller":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", full)
        assert second.ask("A1")["state"] == "silent"
    assert second.ask("A1")["state"] == "granted"
    assert granted_to(lead) == {second.name}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.binary(max_size=300), max_size=4), known=st.booleans())
def test_garbage_is_survived(shop: Store, parts: list[bytes], known: bool) -> None:
    context = shown(shop.tills[1].identity, shop.lead.identity.der) if known else None
    knock(shop.lead.door, context, *parts, ended=True)
    assert granted_to(shop.lead) == set()


def test_a_certificate_that_two_tills_show_is_nobodys(shop: Store) -> None:
    lead, second, third = shop.tills
    twice = wire.Neighbour(till=third.name, certificate=second.identity.certificate)
    broken = wire.Neighbour(till="B01-9", certificate="AAAA")
    told = wire.Leased(
        lead=lead.name,
        epoch=1,
        seconds=3600,
        alone=False,
        doors=shop.doors,
        tills=[wire.Neighbour(till=second.name, certificate=second.identity.certificate), twice, broken],
    )
    lead.hear(told)
    assert second.ask("A1")["state"] == "silent"
    assert granted_to(lead) == set()
