"""Claims in the ledger: what the lead granted, what was granted to this till, over restarts."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from posapp import paths
from posapp.domain import custody
from posapp.domain.custody import CLAIM_S, LEASE_S, MARGIN_S, Claim, Held
from posapp.storage.claims import FORKED, Claims
from posapp.storage.journal import Journal
from tests.kit.counter import KEY, make_files
from tests.kit.things import NOW


class Uptime:
    """Milliseconds that pass when a test says so; ``started`` is when the machine was, on the wall's clock."""

    ms = 1_000_000
    started = 1_700_000_000_000

    def __call__(self) -> int:
        return self.ms

    def wall(self) -> float:
        return (self.started + self.ms) / 1000


@pytest.fixture
def uptime() -> Uptime:
    return Uptime()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    make_files(tmp_path)
    opened = Journal(tmp_path / paths.LEDGER, KEY, write=True)
    yield opened
    opened.close()


@pytest.fixture
def claims(journal: Journal, uptime: Uptime) -> Claims:
    return Claims(journal, uptime, uptime.wall)


def test_the_only_till_of_a_store_leads_for_as_long_as_the_line_is_down(claims: Claims) -> None:
    assert claims.leads(NOW + timedelta(days=30))
    assert claims.take("W-1", known=()) == custody.token(1, 0)
    assert claims.holder("W-1", known=()) is None


YEARS = (timedelta(days=-3653), timedelta(0), timedelta(days=3653))


@pytest.mark.parametrize("jump", YEARS)
def test_a_lead_with_neighbours_leads_until_its_lease_is_over(
    claims: Claims, uptime: Uptime, jump: timedelta
) -> None:
    """Whatever the clock on the wall is set to."""
    claims.keep_lease("t1", 4, LEASE_S, NOW, alone=False)
    uptime.ms += (LEASE_S - MARGIN_S) * 1000 - 1
    assert claims.leads(NOW + jump)
    uptime.ms += 1
    assert not claims.leads(NOW + jump)
    claims.keep_lease("t2", 4, LEASE_S, NOW, alone=False)
    assert not claims.leads(NOW)


def test_after_a_start_of_the_machine_the_wall_clock_says_when_a_lease_is_over(
    claims: Claims, journal: Journal
) -> None:
    claims.keep_lease("t1", 4, LEASE_S, NOW, alone=False)
    journal.boot = "another run of the machine"
    left = timedelta(seconds=LEASE_S - MARGIN_S)
    assert claims.leads(NOW)
    assert claims.leads(NOW + left - timedelta(seconds=1))
    assert not claims.leads(NOW + left)
    for jump in (YEARS[0], YEARS[2]):
        assert not claims.leads(NOW + jump)
    claims.keep_lease("t1", 4, LEASE_S, NOW + YEARS[0], alone=False)
    assert claims.leads(NOW)


@pytest.mark.parametrize("alone", [True, False])
def test_a_forked_till_grants_nothing_and_is_granted_nothing(
    claims: Claims, journal: Journal, *, alone: bool
) -> None:
    journal.set_meta(epoch="3")
    claims.keep_lease("t1", 4, LEASE_S, NOW, alone=alone)
    claims.keep_granted("W-1", 77, CLAIM_S)
    journal.set_meta(**{FORKED: "3"})
    assert (claims.leads(NOW), claims.granted("W-1"), claims.forked()) == (False, 0, True)
    # Enrolled again, it is the till.
    journal.set_meta(epoch="4")
    assert (claims.leads(NOW), claims.granted("W-1"), claims.forked()) == (True, 77, False)


def test_a_till_whose_hub_knows_no_leases_works_as_before(claims: Claims) -> None:
    claims.keep_lease("", 0, 0, NOW, alone=True)
    assert claims.leads(NOW)


def test_the_lead_refuses_its_own_window_what_it_has_granted(
    claims: Claims, journal: Journal, uptime: Uptime
) -> None:
    claims.keep_lease("t1", 1, LEASE_S, NOW, alone=False)
    given = claims.grant("W-1", "t2", known=())
    assert isinstance(given, Claim)
    assert claims.take("W-1", known=()) == Held("t2")
    assert claims.holder("W-1", known=()) == Held("t2")
    # Another program with the same ledger sees the same.
    assert Claims(journal, uptime, uptime.wall).holder("W-1", known=()) == Held("t2")
    token = claims.take("W-2", known=())
    assert isinstance(token, int)
    assert token > given.token
    assert claims.grant("W-2", "t2", known=()) == Held("t1")
    claims.given_back("W-1", "t2")
    assert claims.holder("W-1", known=()) is None


def test_a_lapsed_claim_waits_for_its_holder(claims: Claims, uptime: Uptime) -> None:
    claims.keep_lease("t1", 1, LEASE_S, NOW, alone=False)
    claims.grant("W-1", "t2", known=())
    uptime.ms += CLAIM_S * 1000 + 1
    assert claims.take("W-1", known=()) == Held("t2")
    claims.heard("t2")
    assert isinstance(claims.take("W-1", known=()), int)


def test_what_was_granted_is_good_for_a_minute_less(claims: Claims, uptime: Uptime) -> None:
    assert claims.granted("W-1") == 0
    claims.keep_granted("W-1", 77, CLAIM_S)
    assert claims.granted("W-1") == 77
    uptime.ms += (CLAIM_S - MARGIN_S) * 1000
    assert claims.granted("W-1") == 0
    claims.keep_granted("W-1", 78, CLAIM_S)
    assert claims.give_up("W-1")
    assert not claims.give_up("W-1")
    assert claims.granted("W-1") == 0


def test_after_a_start_of_the_machine_claims_are_taken_for_fresh(
    claims: Claims, journal: Journal, uptime: Uptime
) -> None:
    claims.keep_lease("t1", 1, LEASE_S, NOW, alone=False)
    claims.grant("W-1", "t2", known=())
    claims.keep_granted("W-2", 5, CLAIM_S)
    claims.heard("t2")
    uptime.started += uptime.ms + 30_000
    uptime.ms = 60_000
    after = Claims(journal, uptime, uptime.wall)
    assert after.granted("W-2") == 0
    uptime.ms += (CLAIM_S - 1) * 1000
    after.heard("t2")
    assert after.take("W-1", known=()) == Held("t2")
    uptime.ms += 2000
    after.heard("t2")
    assert isinstance(after.take("W-1", known=()), int)
