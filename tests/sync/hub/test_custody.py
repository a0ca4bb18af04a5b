"""Leases and claims: one party grants, questions reach the lead through the hub, an old epoch is over."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from posapp.domain import custody
from posapp.domain.custody import LEASE_S
from posapp.domain.errors import StorageFault
from sync.hub import tills
from sync.hub.custody import move
from tests.sync.hub.kit import Desk, Json, Served, ready
from tests.waiting import until


def post(desk: Desk, path: str, **body: Any) -> Any:
    found = desk.served.session.post(desk.served.url + path, headers=desk.headers, json=body, timeout=30)
    return found.json() if found.content else found.status_code


def lease(desk: Desk) -> Json:
    found: Json = post(desk, "/v1/leases")
    return found


def claim(desk: Desk, order: Json, **body: Any) -> Json:
    found: Json = post(desk, "/v1/claims", order=order["number"], **body)
    return found


def question(lead: Desk, order: Json) -> Json:
    """What the lead is asked about the order, once its feed says so."""

    def asked() -> Any:
        rows = [c for c in lead.page()["changes"] if (c["kind"], c["id"]) == ("claim", order["number"])]
        return rows[0]["body"] if rows and "answer" not in rows[0]["body"] else None

    found: Json = until(asked)
    return found


def test_the_first_till_that_asks_leads_and_the_others_are_told(hub: Served) -> None:
    one = hub.desk()
    told = lease(one)
    assert (told["lead"], told["epoch"], told["alone"]) == (one.till, 1, True)
    assert LEASE_S - 5 <= told["seconds"] <= LEASE_S
    two = hub.desk()
    assert (lease(two)["lead"], lease(two)["alone"]) == (one.till, False)
    hub.clock.move(3600)
    assert lease(two)["seconds"] <= LEASE_S - 3600
    assert lease(one)["seconds"] >= LEASE_S - 5
    assert lease(hub.desk("B02"))["alone"]


def test_the_lead_answers_through_the_hub(hub: Served) -> None:
    lead, other = hub.desk(), hub.desk()
    lease(lead)
    (order,) = ready(lead)
    assert claim(lead, order)["state"] == "lead"
    answers: list[Json] = []
    asking = threading.Thread(target=lambda: answers.append(claim(other, order, known=["f1"], complete=True)))
    asking.start()
    asked = question(lead, order)
    assert (asked["till"], asked["known"], asked["complete"]) == (other.till, ["f1"], True)
    said = {"state": "granted", "token": custody.token(1, 7), "seconds": 600}
    body = {"question": asked["question"], "order": order["number"], "answer": said}
    assert post(other, "/v1/claims/answers", **body)["error"] == "not-lead"
    assert post(lead, "/v1/claims/answers", **body) == 204
    asking.join(10)
    assert answers[0]["state"] == "granted"
    assert answers[0]["token"] == custody.token(1, 7)
    assert post(lead, "/v1/claims/answers", **body)["error"] == "question-unknown"


def test_while_the_lead_is_silent_nobody_is_granted_anything(
    hub: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.hub.custody.ANSWER_S", 0.2)
    lead, other = hub.desk(), hub.desk()
    lease(lead)
    (order,) = ready(lead)
    assert claim(other, order)["state"] == "silent"
    # Not by time alone either: what the lead did since is unknown here.
    hub.clock.move(LEASE_S + 60)
    assert claim(other, order)["state"] == "silent"


def test_also_once_the_lead_was_heard_after_its_lease_the_hub_grants_nothing(
    hub: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.hub.custody.ANSWER_S", 0.2)
    lead, other = hub.desk(), hub.desk()
    lease(lead)
    (order,) = ready(lead)
    hub.clock.move(LEASE_S + 60)
    lead.push()
    # What it granted to its neighbours before may still be used, and what it grants from now on is unknown here.
    assert claim(other, order)["state"] == "silent"
    assert claim(lead, order)["state"] == "lead"
    assert claim(other, order, release=True)["state"] == "silent"


def test_a_moved_role_ends_the_claims_of_the_old_epoch(hub: Served) -> None:
    lead, other = hub.desk(), hub.desk()
    lease(lead)
    first, second = ready(lead, 2)
    before = lead.page()["head"]
    assert move(hub.database, other.till, hub.clock()) == 2
    (card,) = lead.page(before)["changes"]
    assert (card["kind"], card["body"]["lead"], card["body"]["lead_epoch"]) == ("store", other.till, 2)
    assert lease(lead)["lead"] == other.till
    old = lead.hand_over(first, custody={"token": custody.token(1, 1)})
    assert (lead.one(old)["answer"], lead.one(old)["reason"]) == ("rejected", "custody-moved")
    new = other.hand_over(second, custody={"token": custody.token(2, 1)})
    assert other.one(new)["answer"] == "accepted"
    with pytest.raises(StorageFault, match="till-unknown"):
        move(hub.database, "nobody", hub.clock())


def test_a_lead_that_is_revoked_gives_its_role_to_the_till_heard_last(hub: Served) -> None:
    lead, early, late = hub.desk(), hub.desk(), hub.desk()
    first, second = ready(lead, 2)
    for desk in (lead, early, late):
        lease(desk)
        hub.clock.move(90)
    done = tills.revoke(hub.database, lead.till, hub.clock())
    assert done == tills.Revoked("B01", late.till, moved=True)
    told = lease(early)
    assert (told["lead"], told["epoch"], told["alone"]) == (late.till, 2, False)
    assert LEASE_S - 5 <= told["seconds"] <= LEASE_S
    # What the revoked one still does without a line is a case, what the new one does is taken.
    old = lead.hand_over(first, custody={"token": custody.token(1, 1)})
    assert (lead.one(old)["answer"], lead.one(old)["reason"]) == ("rejected", "custody-moved")
    assert late.one(late.hand_over(second, custody={"token": custody.token(2, 1)}))["answer"] == "accepted"


def test_a_store_that_keeps_one_till_is_led_by_it(hub: Served) -> None:
    lead, other = hub.desk(), hub.desk()
    lease(lead)
    assert tills.revoke(hub.database, lead.till, hub.clock()).lead == other.till
    told = lease(other)
    assert (told["lead"], told["epoch"], told["alone"]) == (other.till, 2, True)


def test_whoever_is_revoked_and_does_not_lead_changes_nothing(hub: Served) -> None:
    lead, other = hub.desk(), hub.desk()
    lease(lead)
    for _ in range(2):
        done = tills.revoke(hub.database, other.till, hub.clock())
        assert done == tills.Revoked("B01", lead.till, moved=False)
    assert lease(lead)["epoch"] == 1


def test_the_next_till_of_a_store_whose_last_one_was_revoked_leads_it(hub: Served) -> None:
    lead = hub.desk()
    lease(lead)
    assert tills.revoke(hub.database, lead.till, hub.clock()) == tills.Revoked("B01", "", moved=True)
    after = hub.desk()
    told = lease(after)
    assert (told["lead"], told["epoch"], told["alone"]) == (after.till, 2, True)
    assert lease(after)["epoch"] == 2


def test_a_revoked_till_is_not_made_the_lead(hub: Served) -> None:
    lead, other = hub.desk(), hub.desk()
    lease(lead)
    tills.revoke(hub.database, other.till, hub.clock())
    with pytest.raises(StorageFault, match="till-unknown"):
        move(hub.database, other.till, hub.clock())
    assert lease(lead)["lead"] == lead.till


def test_roles_that_are_moved_while_tills_are_revoked_stay_with_a_till_that_is_enrolled(hub: Served) -> None:
    desks = [hub.desk() for _ in range(5)]
    for desk in desks:
        lease(desk)
    jobs: list[Callable[[], object]] = []
    for desk in desks[:4]:
        jobs.append(partial(tills.revoke, hub.database, desk.till, hub.clock()))
        jobs.append(partial(_moved, hub, desk))
        jobs.append(partial(lease, desk))
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result(30)
    assert lease(desks[4])["lead"] == desks[4].till


def _moved(hub: Served, desk: Desk) -> None:
    with suppress(StorageFault):
        move(hub.database, desk.till, hub.clock())


def test_a_lead_that_is_enrolled_again_gets_a_new_epoch(hub: Served) -> None:
    lead = hub.desk()
    lease(lead)
    assert lease(hub.desk(again=lead))["epoch"] == 2


def test_a_lead_that_forgot_its_claims_gets_a_new_epoch_and_nobody_else_does(hub: Served) -> None:
    lead, other = hub.desk(), hub.desk()
    (order,) = ready(lead)
    lease(lead)
    assert post(other, "/v1/leases", forgot=True)["epoch"] == 1
    before = custody.token(1, 7)
    assert post(lead, "/v1/leases", forgot=True)["epoch"] == 2
    assert lease(lead)["epoch"] == 2
    answer = other.one(other.hand_over(order, custody={"token": before}))
    assert (answer["answer"], answer["reason"]) == ("rejected", "custody-moved")


def test_another_stores_order_is_not_granted(hub: Served) -> None:
    lead, elsewhere = hub.desk(), hub.desk("B02")
    lease(lead), lease(elsewhere)
    (order,) = ready(lead)
    assert claim(elsewhere, order)["error"] == "order-unknown"


CERTIFICATE = "MIIB" + "A" * 60
ANOTHER = "MIIC" + "A" * 60


def test_tills_of_a_store_are_told_of_one_another(hub: Served) -> None:
    lead, other, far = hub.desk(), hub.desk(), hub.desk("B02")
    assert (lease(lead)["doors"], lease(lead)["tills"]) == ([], [])
    doors = ["192.168.1.5:8333", "[fd00::5]:8333"]
    assert post(lead, "/v1/leases", certificate=CERTIFICATE, doors=doors)["doors"] == doors
    told = post(other, "/v1/leases", certificate=ANOTHER, doors=[])
    assert told["doors"] == doors
    both = [{"till": lead.till, "certificate": CERTIFICATE}, {"till": other.till, "certificate": ANOTHER}]
    assert told["tills"] == both
    # A till that says nothing of itself, as an old one does, changes nothing.
    assert lease(lead)["tills"] == both
    assert (lease(far)["doors"], lease(far)["tills"]) == ([], [])
    move(hub.database, other.till, hub.clock())
    assert lease(lead)["doors"] == []


def test_a_revoked_till_is_told_to_nobody(hub: Served) -> None:
    lead, other = hub.desk(), hub.desk()
    post(lead, "/v1/leases", certificate=CERTIFICATE)
    post(other, "/v1/leases", certificate=ANOTHER)
    tills.revoke(hub.database, other.till, hub.clock())
    assert lease(lead)["tills"] == [{"till": lead.till, "certificate": CERTIFICATE}]


def test_nobody_shows_another_tills_certificate(hub: Served) -> None:
    lead, other, far = hub.desk(), hub.desk(), hub.desk("B02")
    post(lead, "/v1/leases", certificate=CERTIFICATE)
    post(other, "/v1/leases", certificate=CERTIFICATE)
    assert lease(other)["tills"] == [{"till": lead.till, "certificate": CERTIFICATE}]
    assert post(far, "/v1/leases", certificate=CERTIFICATE)["tills"] == []


@pytest.mark.parametrize(
    "said",
    [
        {"certificate": "A" * 2001},
        {"certificate": "no base 64"},
        {"doors": ["192.168.1.5"]},
        {"doors": ["a b:1"]},
        {"doors": ["x:1"] * 17},
    ],
)
def test_what_no_till_says_of_itself_is_refused(hub: Served, said: Json) -> None:
    assert post(hub.desk(), "/v1/leases", **said)["error"]
