"""The rule by which a lead till grants: one holder at a time, whatever is asked when."""

from hypothesis import given
from hypothesis import strategies as st

from posapp.domain import custody
from posapp.domain.custody import CLAIM_S, Claim, Held
from tests.kit.book import Book

CLAIM_MS = CLAIM_S * 1000


def in_epoch_3() -> Book:
    return Book(lambda: 3)


def test_the_holder_may_ask_again_and_nobody_else_gets_it() -> None:
    book = in_epoch_3()
    first = custody.grant(book, "W-1", "t1", now_ms=0, known=())
    assert isinstance(first, Claim)
    assert custody.epoch_of(first.token) == 3
    assert custody.grant(book, "W-1", "t1", now_ms=5, known=()) == first
    assert custody.grant(book, "W-1", "t2", now_ms=5, known=()) == Held("t1")
    assert isinstance(custody.grant(book, "W-2", "t2", now_ms=5, known=()), Claim)


def test_a_lapsed_claim_is_free_only_once_its_holder_was_heard_since() -> None:
    book = in_epoch_3()
    custody.grant(book, "W-1", "t1", now_ms=0, known=())
    book.heard["t1"] = CLAIM_MS - 1
    assert custody.grant(book, "W-1", "t2", now_ms=10 * CLAIM_MS, known=()) == Held("t1")
    book.heard["t1"] = CLAIM_MS
    found = custody.grant(book, "W-1", "t2", now_ms=10 * CLAIM_MS, known=())
    assert isinstance(found, Claim)
    assert found.till == "t2"


def test_who_does_not_know_of_a_hand_over_is_told_instead_of_granted() -> None:
    book = in_epoch_3()
    custody.grant(book, "W-1", "t1", now_ms=0, known=())
    custody.handed_over(book, "W-1", "t1", "f1")
    book.heard["t1"] = 2 * CLAIM_MS
    later = 3 * CLAIM_MS
    assert custody.grant(book, "W-1", "t2", now_ms=later, known=()) == Held("t1", behind=True)
    assert isinstance(custody.grant(book, "W-1", "t2", now_ms=later, known=("f1",)), Claim)
    # What the grantor knows from elsewhere counts as much, also for an order nobody has claimed.
    assert custody.grant(book, "W-9", "t2", now_ms=later, known=(), done=("f7",)) == Held("", behind=True)


def test_what_is_given_back_is_free_at_once() -> None:
    book = in_epoch_3()
    custody.grant(book, "W-1", "t1", now_ms=0, known=())
    custody.given_back(book, "W-1", "t2")
    assert custody.grant(book, "W-1", "t2", now_ms=1, known=()) == Held("t1")
    custody.given_back(book, "W-1", "t1")
    assert isinstance(custody.grant(book, "W-1", "t2", now_ms=1, known=()), Claim)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(["t1", "t2", "t3"]), st.sampled_from(["a", "b"])),
        st.tuples(st.just("hand"), st.sampled_from(["t1", "t2", "t3"]), st.sampled_from(["a", "b"])),
        st.tuples(st.just("tell"), st.sampled_from(["t1", "t2", "t3"]), st.just("")),
        st.tuples(st.just("wait"), st.sampled_from(["1", "400", "700"]), st.just("")),
    ),
    max_size=60,
)


@given(STEPS)
def test_an_order_leaves_once_however_claims_lapse_and_tills_fall_silent(
    steps: list[tuple[str, str, str]],
) -> None:
    """Tills hand over while they think their claim is good, and tell of it whenever they like."""
    book, now = in_epoch_3(), 0
    good: dict[tuple[str, str], int] = {}
    untold: dict[str, list[tuple[str, str]]] = {"t1": [], "t2": [], "t3": []}
    left: dict[str, list[str]] = {"a": [], "b": []}
    for what, who, order in steps:
        if what == "ask":
            found = custody.grant(book, order, who, now_ms=now, known=())
            if isinstance(found, Claim):
                good[who, order] = found.until_ms - custody.MARGIN_S * 1000
        elif what == "hand" and good.get((who, order), -1) > now:
            if not any(by == who for by in left[order]):
                left[order].append(who)
                untold[who].append((order, f"{who}-{order}"))
        elif what == "tell":
            for done, ref in untold[who]:
                custody.handed_over(book, done, who, ref)
            untold[who].clear()
            book.heard[who] = now
        elif what == "wait":
            now += int(who) * 1000
    assert all(len(tills) <= 1 for tills in left.values())
