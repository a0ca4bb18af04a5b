"""A signed code opens its order, and proves one that this till has never heard of; the mat commands."""

from datetime import timedelta

from posapp.counter.scanning import Elsewhere
from posapp.domain import mat, tokens
from posapp.domain.codes import Kind, Scan, Source, Unreadable
from posapp.domain.pickup import Verdict
from tests.kit.counter import Counter
from tests.kit.things import NOW, STORE, STORE_KEY

KEY = bytes(range(32))


def told(counter: Counter, key: bytes = KEY) -> None:
    counter.records(("store", STORE, {"name": "X", "token_keys": [tokens.public_key(key).hex(), "?"]}))


def token(number: str = "W-1001", days: int = 3, key: bytes = KEY, store: str = STORE) -> str:
    return tokens.sign(key, tokens.Claims(number, tokens.store_mark(store), NOW + timedelta(days=days)))


def test_it_opens_its_order_once(counter: Counter) -> None:
    told(counter)
    result = counter.scan(token())
    assert (result.verdict, result.known) == (Verdict.READY, counter.know())
    counter.hand_over()
    assert counter.scan(token()).verdict is Verdict.ALREADY_HANDED_OVER


def test_an_order_nobody_here_knows_is_genuine_but_not_handed_over(counter: Counter) -> None:
    told(counter)
    result = counter.scan(token("W-9999"))
    assert (result.verdict, result.known, result.text) == (Verdict.GENUINE, None, "W-9999")
    assert counter.scan(token("W-9999", store="B02")).verdict is Verdict.OTHER_STORE


def test_with_a_line_the_hub_is_asked_for_the_order(counter: Counter) -> None:
    told(counter)
    scanning = counter.desk.scanning
    scanning.online = True
    searching = counter.scan(token("W-9999"))
    assert searching.verdict is Verdict.SEARCHING
    assert searching.reading is not None
    assert (searching.reading.value, searching.reading.kind) == ("W-9999", Kind.TOKEN)
    assert scanning.found(searching).verdict is Verdict.UNKNOWN
    assert scanning.found(searching, reached=False).verdict is Verdict.GENUINE
    assert scanning.found(searching, Elsewhere("Uhren Beck")).verdict is Verdict.OTHER_STORE


def test_forged_expired_and_unproven_codes_open_nothing(counter: Counter) -> None:
    result = counter.scan(token())
    assert result.reading is not None
    assert (result.verdict, result.reading.reason) == (Verdict.UNREADABLE, Unreadable.UNPROVEN)
    told(counter)
    assert counter.scan(token(key=bytes(32))).verdict is Verdict.FORGED
    assert counter.scan(token(days=-1)).verdict is Verdict.TOKEN_EXPIRED
    assert counter.know().value.index().queue == "ready"


def command(counter: Counter, code: str, at_ms: int, source: Source = Source.SERIAL) -> object:
    return counter.desk.scanning.command(Scan.of("lane", source, [code], at_ms=at_ms))


def test_a_command_counts_once_a_second_and_only_from_our_own_mat(counter: Counter) -> None:
    ok = mat.codes(STORE_KEY)[mat.Command.OK]
    assert command(counter, ok, 0) == (True, mat.Command.OK)
    assert command(counter, ok, 900) == (True, None)
    assert command(counter, ok, 2000) == (True, mat.Command.OK)
    assert command(counter, ok, 9000, Source.TYPED) == (False, None)
    assert command(counter, mat.codes(bytes(32))[mat.Command.OK], 9000) == (False, None)
    assert counter.scan(mat.codes(bytes(32))[mat.Command.OK]).verdict is Verdict.NOT_AN_ORDER
