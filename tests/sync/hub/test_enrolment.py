"""Enrolment: a code makes one till, once, within its time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import func, select

from posapp.domain import codes
from posapp.domain.errors import StorageFault
from sync.hub import tills
from sync.hub.tables import enrolment, till
from sync.wire import Enrolled
from tests.sync.hub.kit import Served


def enrol(hub: Served, code: str) -> requests.Response:
    body = {"code": code, "name": "Kasse 1"}
    return requests.post(f"{hub.url}/v1/enrolments", json=body, timeout=30)


def test_a_code_becomes_a_till(hub: Served) -> None:
    code = tills.offer(hub.database, "B02", hub.clock())
    assert (len(code), codes.normalise(code)) == (11, code)
    enrolled = Enrolled.model_validate(enrol(hub, f" {code[:2]}-{code[2:6].lower()} {code[6:]} ").json())
    assert (enrolled.till, enrolled.store, enrolled.epoch) == ("B02-1", "B02", 1)
    assert len(enrolled.token) >= 43
    assert (
        Enrolled.model_validate(enrol(hub, tills.offer(hub.database, "B02", hub.clock())).json()).till
        == "B02-2"
    )


@pytest.mark.parametrize("code", ["", "EN2222222222", "x" * 200, "PK67EKRJH9V", "ſ", "\u0000"])
def test_a_wrong_code_is_refused(hub: Served, code: str) -> None:
    answer = enrol(hub, code)
    assert answer.status_code in (403, 422)
    assert answer.json()["error"] in ("code-refused", "malformed")


def test_a_code_is_good_once(hub: Served) -> None:
    code = tills.offer(hub.database, "B01", hub.clock())
    assert enrol(hub, code).status_code == 200
    assert (enrol(hub, code).status_code, enrol(hub, code).json()["error"]) == (403, "code-refused")


def test_a_code_is_good_for_a_quarter_of_an_hour(hub: Served) -> None:
    late, in_time = (tills.offer(hub.database, "B01", hub.clock()) for _ in range(2))
    hub.clock.move(14 * 60)
    assert enrol(hub, in_time).status_code == 200
    hub.clock.move(2 * 60)
    assert enrol(hub, late).status_code == 403


def test_of_twenty_who_ask_at_once_one_becomes_a_till(hub: Served) -> None:
    code = tills.offer(hub.database, "B01", hub.clock())
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: enrol(hub, code), range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 19
    with hub.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(till)).scalar() == 1


def test_many_codes_at_once_make_tills_of_different_names(hub: Served) -> None:
    offered = [tills.offer(hub.database, "B01", hub.clock()) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        names = [answer.json()["till"] for answer in pool.map(lambda code: enrol(hub, code), offered)]
    assert sorted(names) == [f"B01-{n}" for n in range(1, 9)]


def test_guessing_codes_is_slowed_down(hub: Served) -> None:
    answers = [enrol(hub, f"EN{n:09d}") for n in range(70)]
    assert {answer.status_code for answer in answers} == {403, 429}
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_the_code_itself_is_not_kept(hub: Served) -> None:
    code = tills.offer(hub.database, "B01", hub.clock())
    with hub.database.read() as connection:
        assert code not in str(connection.execute(select(enrolment)).all())


def test_a_store_or_till_that_there_is_not(hub: Served) -> None:
    with pytest.raises(StorageFault) as unknown:
        tills.offer(hub.database, "B09", hub.clock())
    assert (unknown.value.reason, unknown.value.details["stores"]) == ("store-unknown", "B01, B02, B03")
    desk = hub.desk("B01")
    for store, again in (("B01", "B01-99"), ("B02", desk.till)):
        with pytest.raises(StorageFault, match="till-unknown"):
            tills.offer(hub.database, store, hub.clock(), again)
    with pytest.raises(StorageFault, match="till-unknown"):
        tills.revoke(hub.database, "B01-99", hub.clock())
    tills.revoke(hub.database, desk.till, hub.clock())
    assert desk.get("/v1/feed").status_code == 403
