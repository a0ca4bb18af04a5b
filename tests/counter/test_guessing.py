"""Unknown pickup codes are counted, slowed down and shown; known ones are never held up."""

import pytest

from posapp.counter.guessing import LONGEST_WAIT_S, MANY, Guessing
from posapp.domain.codes import ALPHABET, Prefix, make
from posapp.domain.errors import StorageFault
from posapp.domain.goods import code_token
from posapp.domain.pickup import Verdict
from posapp.domain.tills import GUESSING_CLEARED, GUESSING_NOTICED
from tests.kit.counter import Counter
from tests.kit.things import CODE, STORE, STORE_KEY

BADGE = make(Prefix.BADGE, "7KX29DRT")


def code(number: int) -> str:
    return make(Prefix.PICKUP, f"BCDF{ALPHABET[number // 23]}{ALPHABET[number % 23]}22")


def guess(counter: Counter, count: int, first: int = 0) -> list[Verdict]:
    return [Verdict(counter.scan(code(number)).verdict) for number in range(first, first + count)]


def notices(counter: Counter) -> list[str]:
    return [kind for kind, name in counter.facts() if name == "till:t1"]


def test_a_few_unknown_codes_are_mistakes_and_many_are_guessing(counter: Counter) -> None:
    assert guess(counter, MANY - 1) == [Verdict.UNKNOWN] * (MANY - 1)
    assert guess(counter, 1, MANY) == [Verdict.GUESSING]
    assert notices(counter) == [GUESSING_NOTICED]
    assert counter.woken


def test_a_known_code_works_at_once(counter: Counter) -> None:
    guess(counter, MANY + 3)
    assert counter.scan(CODE).verdict is Verdict.READY
    assert guess(counter, 1, 90) == [Verdict.GUESSING]


def test_the_same_code_again_is_no_further_try(counter: Counter) -> None:
    assert {counter.scan(code(1)).verdict for _ in range(20)} == {Verdict.UNKNOWN}


def test_what_is_long_ago_does_not_count(counter: Counter) -> None:
    for number in range(3 * MANY):
        assert guess(counter, 1, number) == [Verdict.UNKNOWN]
        counter.clock.pass_by(200)


def test_only_well_formed_pickup_codes_count(counter: Counter) -> None:
    for number in range(3 * MANY):
        assert counter.scan(f"W-9{number}").verdict is Verdict.UNKNOWN
        assert counter.scan(code(number)[:-1] + "Z").verdict is not Verdict.GUESSING
    assert counter.desk.scanning.guessing.since is None


def test_further_unknown_codes_wait_longer_and_longer(counter: Counter) -> None:
    guess(counter, MANY)
    counter.desk.scanning.online = True
    waits = [counter.scan(code(40 + number)).wait_s for number in range(8)]
    assert waits == [4, 8, 16, 32, 60, 60, 60, 60]
    counter.clock.pass_by(LONGEST_WAIT_S)
    assert guess(counter, 1, 80) == [Verdict.SEARCHING]


def test_a_search_that_ends_unknown_counts_too(counter: Counter) -> None:
    scanning = counter.desk.scanning
    scanning.online = True
    ends = [scanning.found(counter.scan(code(number))).verdict for number in range(MANY)]
    assert ends == [*[Verdict.UNKNOWN] * (MANY - 1), Verdict.GUESSING]


def test_a_restart_forgets_nothing(counter: Counter) -> None:
    guess(counter, MANY - 1)
    counter.desk.scanning.guessing = Guessing(counter.till)
    assert guess(counter, 1, MANY) == [Verdict.GUESSING]
    again = Guessing(counter.till)
    assert again.since is not None
    assert again.wait() == 2
    counter.clock.pass_by(-86_400)
    assert again.wait() == LONGEST_WAIT_S


def test_a_manager_ends_it(counter: Counter) -> None:
    guess(counter, MANY)
    counter.desk.scanning.guessing.clear()
    assert guess(counter, 1, 60) == [Verdict.UNKNOWN]
    assert notices(counter) == [GUESSING_NOTICED, GUESSING_CLEARED]
    counter.desk.scanning.guessing.clear()
    assert len(notices(counter)) == 2


def test_a_managers_badge_ends_it_and_a_clerks_does_not(counter: Counter) -> None:
    counter.records(("store", STORE, {"name": "X", "managers": [code_token(STORE_KEY, BADGE)]}))
    assert not counter.scan(BADGE).cleared
    guess(counter, MANY)
    assert not counter.scan(make(Prefix.BADGE, "BBBBBBBB")).cleared
    assert counter.desk.scanning.guessing.since is not None
    assert counter.scan(BADGE).cleared
    assert counter.desk.scanning.guessing.since is None


def test_the_codes_themselves_are_kept_nowhere(counter: Counter) -> None:
    guess(counter, MANY)
    kept = counter.books.journal.meta("guessing") + str(list(counter.books.journal.every()))
    assert not any(code(number) in kept for number in range(MANY))


def test_a_disk_that_fails_hides_no_verdict(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_values: str) -> None:
        raise StorageFault("disk-full")

    def refuse(_decide: object) -> None:
        raise StorageFault("disk-full")

    monkeypatch.setattr(counter.books.journal, "set_meta", fail)
    monkeypatch.setattr(counter.books.journal, "append", refuse)
    assert guess(counter, MANY)[-1] is Verdict.GUESSING


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"tried": [1]}', '{"since": "yesterday"}'])
def test_what_cannot_be_read_is_begun_anew(counter: Counter, kept: str) -> None:
    counter.books.journal.set_meta(guessing=kept)
    assert Guessing(counter.till).since is None
