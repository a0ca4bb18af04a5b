"""The journal reaches the hub once each, in order, whatever happens on the way."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posapp.domain.facts import Answer
from posapp.storage.claims import Claims
from sync.engine import client, messages, push
from sync.engine.client import NotEnrolled, Trouble
from tests.sync.engine import badhub
from tests.sync.engine.badhub import BadHub, running
from tests.sync.engine.tills import Desk, append, desk

FACTS = "/v1/facts"


def send_all(till: Desk) -> None:
    """Steps until there is nothing to send, trouble or not; bounded."""
    for _ in range(400):
        try:
            if not till.push.step() and till.journal.waiting()[0] == 0:
                return
        except Trouble:
            continue
    raise AssertionError("the push does not come to its end")


def sound(till: Desk, hub: BadHub) -> None:
    """All facts are at the hub, applied once each, in order, and answered here."""
    entries = list(till.journal.every())
    assert [fact["id"] for fact in hub.facts] == [entry.fact.id for entry in entries]
    assert all(hub.applied[entry.fact.id] == 1 for entry in entries)
    assert all(entry.answer is not Answer.WAITING for entry in entries)


def test_facts_are_sent_in_order_in_batches_and_answered(till: Desk, hub: BadHub) -> None:
    for number in range(push.BATCH + 5):
        append(till.journal, f"W-{number}")
    send_all(till)
    sound(till, hub)
    sent = [len(call["facts"]) for call in hub.calls(FACTS)]
    assert sent == [0, push.BATCH, 5]
    assert till.answered() == list(range(1, push.BATCH + 6))
    assert till.lines() == [(True, "")]


def test_an_idle_till_asks_once_where_the_hub_is(till: Desk, hub: BadHub) -> None:
    assert [till.push.step() for _ in range(3)] == [False, False, False]
    assert len(hub.calls(FACTS)) == 1


def test_a_rejected_fact_is_a_case_and_never_sent_again(till: Desk, hub: BadHub) -> None:
    entry = append(till.journal, "W-1")
    hub.rejects.add(entry.fact.id)
    send_all(till)
    found = till.journal.fact(entry.fact.id)
    assert found is not None
    assert (found.answer, found.reason) == (Answer.REJECTED, "conflict")
    assert [case.seq for case, _ in till.journal.cases()] == [1]
    calls = len(hub.calls(FACTS))
    till.push.step()
    assert len(hub.calls(FACTS)) == calls


@pytest.mark.parametrize("fault", [badhub.drop, badhub.half], ids=["dropped", "half"])
def test_a_lost_answer_is_fetched_by_sending_again(till: Desk, hub: BadHub, fault: badhub.Fault) -> None:
    till.push.step()
    append(till.journal, "W-1")
    hub.faults[FACTS].append(fault)
    with pytest.raises(Trouble):
        till.push.step()
    assert len(hub.facts) == 1
    assert till.journal.waiting()[0] == 1
    send_all(till)
    sound(till, hub)


def test_a_batch_taken_twice_is_applied_once(till: Desk, hub: BadHub) -> None:
    append(till.journal, "W-1")
    hub.faults[FACTS] += [badhub.twice, badhub.twice]
    send_all(till)
    sound(till, hub)


def test_a_hub_that_was_restored_gets_everything_again(till: Desk, hub: BadHub) -> None:
    for number in range(10):
        append(till.journal, f"W-{number}")
    send_all(till)
    hub.restore(facts=4, changes=0, generation="g2")
    hub.applied.clear()
    append(till.journal, "W-new")
    send_all(till)
    assert [fact["seq"] for fact in hub.facts] == list(range(1, 12))
    assert sorted(hub.applied.values()) == [1] * 7


def test_a_restored_hub_is_noticed_with_nothing_to_send(till: Desk, hub: BadHub) -> None:
    for number in range(5):
        append(till.journal, f"W-{number}")
    send_all(till)
    hub.restore(facts=2, changes=0, generation="g2")
    assert till.push.step() is False
    till.push.ask_again()
    till.push.step()
    assert len(hub.facts) == 5


def test_a_hub_that_knows_more_of_this_till_freezes_the_push_only(till: Desk, hub: BadHub) -> None:
    for number in range(3):
        append(till.journal, f"W-{number}")
    send_all(till)
    clone = dict(hub.facts[-1], seq=4, hash="ab" * 32)
    hub.facts.append(clone)
    till.push.ask_again()
    for _ in range(2):
        append(till.journal, "W-more")
        with pytest.raises(Trouble, match="till-forked") as told:
            till.push.step()
        assert told.value.reachable
        assert told.value.retry_after
        assert Claims(till.journal).forked()
    assert len(hub.facts) == 4
    hub.facts.pop()
    send_all(till)
    assert len(hub.facts) == 5
    assert not Claims(till.journal).forked()


@pytest.mark.parametrize("restart", [True, False])
def test_a_hub_with_another_past_freezes_the_push(till: Desk, hub: BadHub, restart: bool) -> None:
    for number in range(3):
        append(till.journal, f"W-{number}")
    send_all(till)
    hub.facts[1] = dict(hub.facts[1], hash="cd" * 32)
    hub.facts[2] = dict(hub.facts[2], hash="ef" * 32)
    append(till.journal, "W-more")
    if restart:
        till.push.ask_again()
    with pytest.raises(Trouble, match="till-forked"):
        till.push.step()
    assert till.journal.waiting()[0] == 1


@pytest.mark.parametrize("place", [0, 37, 99])
def test_the_one_bad_fact_is_found_and_the_ones_before_it_go(till: Desk, hub: BadHub, place: int) -> None:
    entries = [append(till.journal, f"W-{number}") for number in range(120)]
    hub.poison.add(entries[place].fact.id)
    troubles: list[Trouble] = []
    while not troubles or troubles[-1].reason != "fact-stuck":
        try:
            till.push.step()
        except Trouble as trouble:
            troubles.append(trouble)
    assert troubles[-1].details["seq"] == place + 1
    assert troubles[-1].reachable
    assert all((trouble.retry_after or 0) <= 1 for trouble in troubles[:-1])
    assert len(troubles) < 16
    assert len(hub.facts) == place
    # The hub's operator mends it: all go.
    hub.poison.clear()
    send_all(till)
    sound(till, hub)


def test_the_content_of_a_fact_the_hub_goes_on_failing_over_is_withheld(till: Desk, hub: BadHub) -> None:
    entries = [append(till.journal, f"W-{number}") for number in range(120)]
    hub.poison.add(entries[37].fact.id)
    send_all(till)
    sound(till, hub)
    assert [(case.seq, case.answer, case.reason) for case, _ in till.journal.cases()] == [
        (38, Answer.PARKED, "withheld")
    ]
    told = hub.facts[37]
    assert (told["payload"], told["withheld"]) == ("", "http-500")
    assert (told["subject"], told["hash"]) == ("order:W-37", entries[37].hash.hex())
    tries = [call for call in hub.calls(FACTS) if [fact["seq"] for fact in call["facts"]] == [38]]
    assert [bool(call["facts"][0]["withheld"]) for call in tries] == [False] * push.STRIKES + [True]


def test_a_withheld_fact_is_offered_whole_after_a_start(till: Desk, hub: BadHub) -> None:
    entries = [append(till.journal, f"W-{number}") for number in range(3)]
    hub.poison.add(entries[1].fact.id)
    append(till.journal, "W-4", clerk="x" * 300)
    send_all(till)
    # Mended or not, it is offered once a start; what had no place is not.
    for mended, cases in ((False, [2, 4]), (True, [4])):
        if mended:
            hub.poison.clear()
        calls = len(hub.calls(FACTS))
        till.push = push.Push(till.hub, till.journal, till.line, till.told.append)
        send_all(till)
        assert [[fact["seq"] for fact in call["facts"]] for call in hub.calls(FACTS)[calls:]] == [[], [2]]
        assert [case.seq for case, _ in till.journal.cases()] == cases
    sound(till, hub)


def test_a_hub_that_fails_over_everything_is_given_ever_more_time(till: Desk, hub: BadHub) -> None:
    entries = [append(till.journal, f"W-{number}") for number in range(3)]
    hub.poison |= {entry.fact.id for entry in entries}
    send_all(till)
    sound(till, hub)
    tries = [call["facts"][0]["seq"] for call in hub.calls(FACTS) if len(call["facts"]) == 1]
    assert [tries.count(seq) for seq in (1, 2, 3)] == [
        push.STRIKES + 1,
        2 * push.STRIKES + 1,
        4 * push.STRIKES + 1,
    ]


def test_nothing_is_withheld_from_a_hub_that_answers_nobody(till: Desk, hub: BadHub) -> None:
    till.push.step()
    append(till.journal, "W-1")
    hub.faults[FACTS] += [badhub.status(500)] * 40
    for _ in range(40):
        with pytest.raises(Trouble):
            till.push.step()
    send_all(till)
    sound(till, hub)
    assert till.journal.cases() == []


def test_a_stuck_fact_is_told_until_it_is_not(till: Desk, hub: BadHub) -> None:
    entry = append(till.journal, "W-1")
    hub.poison.add(entry.fact.id)
    while till.journal.waiting()[0]:
        try:
            till.push.step()
        except Trouble as trouble:
            till.line.trouble("push", trouble.reason, reachable=trouble.reachable)
    assert [reason for _, reason in till.lines()] == ["", "fact-stuck", ""]


UNFIT = {
    "a name without end": {"clerk": "x" * 300},
    "a payload beyond measure": {"payload": {"note": "x" * 70_000}},
    "a zero character in it": {"clerk": "a\0b" * 100},
}


@pytest.mark.parametrize("how", UNFIT.values(), ids=UNFIT.keys())
def test_a_fact_the_wire_cannot_carry_is_withheld_and_the_others_go(
    till: Desk, hub: BadHub, how: dict[str, Any]
) -> None:
    append(till.journal, "W-1")
    entry = append(till.journal, "W-2", **how)
    append(till.journal, "W-3")
    send_all(till)
    sound(till, hub)
    assert [case.fact.id for case, _ in till.journal.cases()] == [entry.fact.id]
    assert hub.facts[1]["withheld"] == messages.NO_PLACE
    assert len(hub.calls(FACTS)) == 2


def test_a_request_never_exceeds_what_the_hub_takes(till: Desk, hub: BadHub) -> None:
    for number in range(40):
        append(till.journal, f"W-{number}", {"lines": {"1": 1}, "note": '"' * 30_000})
    send_all(till)
    sound(till, hub)
    assert len(hub.calls(FACTS)) > 3


def test_a_batch_that_is_too_slow_is_halved_and_grows_again(
    till: Desk, hub: BadHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        append(till.journal, f"W-{number}")
    till.push.step()
    monkeypatch.setattr(client, "READ_S", 0.05)
    release = threading.Event()
    hub.faults[FACTS].append(badhub.silent(release))
    with pytest.raises(Trouble) as told:
        till.push.step()
    assert told.value.timed_out
    monkeypatch.undo()
    release.set()
    send_all(till)
    sound(till, hub)
    sizes = [len(call["facts"]) for call in hub.calls(FACTS)]
    assert sizes[:3] == [0, 100, 100]
    assert 50 in sizes[3:]
    assert 100 in sizes[sizes.index(50) :]


def test_a_revoked_till_says_so(till: Desk, hub: BadHub) -> None:
    append(till.journal, "W-1")
    hub.token = "another"
    with pytest.raises(NotEnrolled, match="till-refused"):
        till.push.step()
    assert till.journal.waiting()[0] == 1


def test_an_answer_the_hub_thought_over_reaches_the_till_through_the_feed(till: Desk, hub: BadHub) -> None:
    entry = append(till.journal, "W-1")
    hub.rejects.add(entry.fact.id)
    send_all(till)
    till.pull.step()
    assert len(till.journal.cases()) == 1
    hub.news.append({"seq": 1, "id": entry.fact.id, "answer": "accepted"})
    hub.publish("order", "W-1", {"number": "W-1", "store": "s1", "lines": []})
    till.told.clear()
    till.pull.step()
    till.push.step()
    assert till.answered() == [1]
    assert {"changed": ["order:W-1"]} in till.told
    assert till.journal.cases() == []
    # What was heard is not told again, also not after a start.
    till.push.step()
    assert till.answered() == [1]
    assert till.journal.meta("heard") == "1"


WRONG = {
    "another fact's id": lambda body: body["answers"][0].update(id="x"),
    "no answer": lambda body: body["answers"].clear(),
    "a number nobody has": lambda body: body["answers"].append({"seq": 99, "id": "x", "answer": "accepted"}),
    "an unknown answer": lambda body: body["answers"][0].update(answer="maybe"),
    "no such number as infinity": lambda body: body["answers"][0].update(detail={"n": float("inf")}),
    "less than was sent": lambda body: body.update(last_seq=0),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_an_answer_that_makes_no_sense_settles_nothing(
    till: Desk, hub: BadHub, wrong: Callable[[dict[str, object]], object]
) -> None:
    till.push.step()
    append(till.journal, "W-1")
    hub.faults[FACTS].append(badhub.changed(wrong))
    with pytest.raises(Trouble, match="hub-strange"):
        till.push.step()
    assert till.journal.waiting()[0] == 1
    send_all(till)
    sound(till, hub)


def test_a_hub_that_tells_the_same_gap_again_is_not_asked_in_a_circle(till: Desk, hub: BadHub) -> None:
    till.push.step()
    append(till.journal, "W-1")
    gap = b'{"error":"gap","last_seq":0,"last_hash":"' + b"00" * 32 + b'"}'
    hub.faults[FACTS].append(badhub.raw(gap, 409))
    with pytest.raises(Trouble, match="hub-strange"):
        till.push.step()


FAULTS = {
    "good": None,
    "drop": badhub.drop,
    "half": badhub.half,
    "twice": badhub.twice,
    "500": badhub.status(500),
    "503": badhub.status(503, Retry_After="1"),
    "garbage": badhub.raw(b"<html>hello</html>"),
    "empty": badhub.raw(b""),
    "null": badhub.raw(b"null"),
    "404": badhub.status(404),
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.sampled_from(sorted(FAULTS)), max_size=25),
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=3),
)
def test_whatever_happens_each_fact_takes_effect_once(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str], sizes: list[int]
) -> None:
    with running() as hub, desk(tmp_path_factory.mktemp("till"), hub) as till:
        hub.faults[FACTS] = [fault for name in faults if (fault := FAULTS[name])]
        for size in sizes:
            for number in range(size):
                append(till.journal, f"W-{number}")
            send_all(till)
        sound(till, hub)
        assert till.journal.cases() == []
