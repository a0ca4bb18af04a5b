"""A scan finds what it means, writes nothing and never raises, whatever was scanned."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posapp.counter.scanning import Elsewhere
from posapp.domain.codes import Kind, Prefix, Scan, Source, Unreadable, make, read
from posapp.domain.goods import Code, Parcel, ParcelState
from posapp.domain.pickup import Verdict
from tests.kit.counter import Counter
from tests.kit.things import CODE, order, token

OTHER = make(Prefix.PICKUP, "4GN7P2TX")
GTIN = "4006381333931"


# --- what is found ---


@pytest.mark.parametrize("text", [CODE, CODE.lower(), "PK 7KX2 9DRT H", "W-1001", "w-1001", "LBL-W-1001"])
def test_an_order_is_found_by_code_number_and_label(counter: Counter, text: str) -> None:
    result = counter.scan(text)
    assert (result.verdict, result.known) == (Verdict.READY, counter.know())


def test_every_reading_of_a_scan_is_looked_up(counter: Counter) -> None:
    """A keyboard scanner of the host's own layout gives its order number second."""
    assert counter.scan("W/1001", "W-1001").verdict is Verdict.READY


@pytest.mark.parametrize("number", ["12345670", "123456789012", "4006381333931"])
def test_an_order_number_that_is_also_a_good_gtin_is_an_order(counter: Counter, number: str) -> None:
    counter.tell(order(number))
    assert counter.scan(number).verdict is Verdict.READY


def test_the_token_that_found_it_goes_on_to_the_act(counter: Counter) -> None:
    assert counter.scan(CODE).token == token()
    assert counter.scan("W-1001").token == "W-1001"


def test_several_matches_are_a_choice(counter: Counter) -> None:
    shared = Parcel("LBL-X", ParcelState.IN_BIN, bin="A1")
    counter.tell(order(parcels=(shared,)), order("W-1002", parcels=(shared,)))
    result = counter.scan("LBL-X")
    assert result.verdict is Verdict.AMBIGUOUS
    assert {known.id for known in result.choices} == {"W-1001", "W-1002"}
    opened = counter.desk.scanning.open(result.choices[0], result.token)
    assert (opened.verdict, opened.known) == (Verdict.READY, result.choices[0])


@pytest.mark.parametrize("text", [GTIN, make(Prefix.BIN, "4GN7P2TX"), make(Prefix.BADGE, "4GN7P2TX")])
def test_what_is_no_order_is_told_so(counter: Counter, text: str) -> None:
    assert counter.scan(text).verdict is Verdict.NOT_AN_ORDER


def test_a_lost_record_is_unknown_again(counter: Counter) -> None:
    assert counter.scan(CODE).verdict is Verdict.READY
    counter.records(("order", "W-1001", None))
    assert counter.scan(CODE).verdict is Verdict.UNKNOWN


# --- what is not here ---


@pytest.mark.parametrize("text", [OTHER, "W-9999", make(Prefix.CLAIM_TICKET, "4GN7P2TX")])
def test_a_code_this_till_has_not_got_is_searched_while_there_is_a_line(counter: Counter, text: str) -> None:
    assert counter.scan(text).verdict is Verdict.UNKNOWN
    counter.desk.scanning.online = True
    assert counter.scan(text).verdict is Verdict.SEARCHING


def test_a_search_ends_with_what_came(counter: Counter) -> None:
    scanning = counter.desk.scanning
    scanning.online = True
    searching = counter.scan(OTHER)
    assert scanning.found(searching).verdict is Verdict.UNKNOWN
    counter.tell(order("W-1002", codes=(Code(token(OTHER)),)))
    found = scanning.found(searching)
    assert (found.verdict, found.known) == (Verdict.READY, counter.know("W-1002"))


def test_a_search_ends_with_another_stores_address(counter: Counter) -> None:
    counter.desk.scanning.online = True
    there = Elsewhere("Uhren Beck", "Markt 3", "9-18")
    found = counter.desk.scanning.found(counter.scan(OTHER), there)
    assert (found.verdict, found.elsewhere, found.known) == (Verdict.OTHER_STORE, there, None)


def test_a_search_ends_unknown_when_the_line_went_down(counter: Counter) -> None:
    counter.desk.scanning.online = True
    searching = counter.scan(OTHER)
    counter.desk.scanning.online = False
    assert counter.desk.scanning.found(searching).verdict is Verdict.UNKNOWN


# --- how old the data is ---


def test_old_data_says_its_age_whatever_the_verdict(counter: Counter) -> None:
    assert counter.scan(CODE).stale is None
    counter.clock.pass_by(240)
    assert counter.scan(CODE).stale == timedelta(minutes=4)
    assert counter.scan("W-9").stale == timedelta(minutes=4)


def test_a_till_that_never_heard_its_hub_has_no_age(empty: Counter) -> None:
    assert empty.scan("W-9").stale is None
    assert empty.till.age() is None


def test_a_clock_set_back_makes_nothing_old(counter: Counter) -> None:
    counter.clock.now -= timedelta(days=3650)
    assert counter.scan(CODE).stale is None
    assert counter.till.age() == timedelta(0)


# --- again ---


def test_the_same_code_twice_within_half_a_second_is_one_scan(counter: Counter) -> None:
    scanning = counter.desk.scanning
    scans = [Scan.of("lane", Source.SERIAL, [CODE], at_ms=at) for at in (0, 300, 700, 1500)]
    assert [scanning.scan(scan) is None for scan in scans] == [False, True, True, False]


def test_a_card_is_judged_again_when_something_changed(counter: Counter) -> None:
    scanning = counter.desk.scanning
    ready = counter.scan(CODE)
    counter.tell(order(blocked="x"))
    after = scanning.again(ready)
    assert (after.verdict, after.text, after.token) == (Verdict.BLOCKED, ready.text, ready.token)
    unknown = counter.scan("W-9")
    assert scanning.again(unknown) == unknown
    counter.records(("order", "W-1001", None))
    assert scanning.again(after) == after


# --- whatever is scanned ---


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("PK7KX29DRTX", Unreadable.CHECK_DIGIT),
        ("PK7KX29DR", Unreadable.TORN),
        ("PK7KX2\x029DRTH", Unreadable.CONTROL_CHARACTERS),
        ("A" * 8192, Unreadable.TOO_LONG),
        ("", Unreadable.EMPTY),
    ],
)
def test_what_cannot_be_read_is_told_why(counter: Counter, text: str, reason: Unreadable) -> None:
    result = counter.scan(text)
    assert result.verdict is Verdict.UNREADABLE
    assert result.reading is not None
    assert result.reading.reason is reason
    assert result.text.isprintable()
    assert len(result.text) <= 41


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=80), max_size=2), st.booleans())
def test_nothing_that_can_be_scanned_raises_or_writes(
    counter: Counter, texts: list[str], online: bool
) -> None:
    counter.desk.scanning.online = online
    result = counter.scan(*texts)
    assert result.text.isprintable()
    assert len(result.text) <= 41
    assert counter.facts() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80))
def test_nothing_that_can_be_typed_raises(counter: Counter, text: str) -> None:
    reading = read(text)
    result = counter.desk.scanning.read(reading)
    assert (result.verdict is Verdict.UNREADABLE) is (reading.kind is Kind.UNREADABLE)
