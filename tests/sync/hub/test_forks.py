"""A copied till is a case that says where the two part and what each has there; settled, it may come again."""

from concurrent.futures import ThreadPoolExecutor

from tests.sync.hub.kit import Desk, Json, Served, ready


def cases(desk: Desk) -> list[Json]:
    """Those about tills, in the order in which they were opened."""
    found = [body for body in desk.records().values() if body and body.get("reason") == "till-copied"]
    return sorted(found, key=lambda body: str(body["opened_at"]))


def copy_of(desk: Desk, facts: int) -> Desk:
    """The till as it was after so many facts, on another machine."""
    made = Desk(desk.served, desk.till, desk.token, desk.epoch, desk.store, desk.store_key, "")
    made.chain = desk.chain[:facts]
    return made


def settle(desk: Desk, case: Json, choice: str) -> Json:
    return desk.one(desk.fact("CaseSettled", case["subject"], {"fact": case["id"], "choice": choice}))


def test_it_says_where_they_part_and_what_each_has_there(hub: Served) -> None:
    desk = hub.desk()
    one, two, three, four = ready(desk, 4)
    first, second = desk.hand_over(one), desk.hand_over(two)
    desk.push(first, second)
    copy = copy_of(desk, 1)
    other, after = copy.hand_over(three), copy.hand_over(four)
    assert copy.send(copy.request(other, after)).status_code == 423
    (case,) = cases(desk)
    assert (case["id"], case["subject"]) == (f"copied-{desk.till}-1", f"till:{desk.till}")
    assert case["evidence"] == {
        "seq": 2,
        "hash": second["hash"][:12],
        "sent_hash": other["hash"][:12],
        "last_seq": 2,
    }
    (known,) = case["others"]
    for side, fact, order in ((known, second, two), (case["said"], other, three)):
        assert (side["kind"], side["till"], side["clerk"]) == ("HandedOver", desk.till, "Ana")
        assert (side["subject"], side["at"]) == (f"order:{order['number']}", fact["at"])


def test_of_a_push_without_facts_it_says_the_number_by_which_they_have_parted(hub: Served) -> None:
    desk = hub.desk()
    one, two, three = ready(desk, 3)
    desk.push(desk.hand_over(one), desk.hand_over(two))
    copy = copy_of(desk, 1)
    sent = copy.hand_over(three)
    assert copy.send(copy.request(prev_seq=2, prev_hash=sent["hash"])).status_code == 423
    (case,) = cases(desk)
    assert (case["evidence"]["seq"], case["evidence"]["or_before"]) == (2, True)
    assert case["evidence"]["sent_hash"] == sent["hash"][:12]
    assert case["others"][0]["subject"] == f"order:{two['number']}"
    assert case["said"]["kind"] == ""


def test_of_another_stores_fact_it_tells_nothing(hub: Served) -> None:
    desk, far = hub.desk(), hub.desk("B02")
    there = far.hand_over(ready(far)[0])
    far.one(there)
    stolen = desk.fact("HandedOver", "order:X", {"lines": {}}, ident=there["id"])
    assert desk.send(desk.request(stolen)).status_code == 423
    (case,) = cases(desk)
    assert "others" not in case
    assert there["subject"] not in str(case)
    assert cases(far) == []


def test_an_unreadable_fact_is_told_as_far_as_it_can_be_read(hub: Served) -> None:
    desk = hub.desk()
    desk.one(desk.hand_over(ready(desk)[0]))
    copy = copy_of(desk, 0)
    lame = copy.fact("Baked", "cake:7", [1])  # type: ignore[arg-type]  # the kit writes whatever it is given
    assert copy.send(copy.request(lame)).status_code == 423
    (case,) = cases(desk)
    assert (case["said"]["kind"], case["said"]["subject"]) == ("Baked", "cake:7")


def test_told_again_and_again_it_is_one_case(hub: Served) -> None:
    desk = hub.desk()
    orders = ready(desk, 4)
    desk.one(desk.hand_over(orders[0]))
    copies = [copy_of(desk, 0) for _ in range(3)]
    bodies = [copy.request(copy.hand_over(order)) for copy, order in zip(copies, orders[1:], strict=True)]
    with ThreadPoolExecutor(6) as pool:
        statuses = [answer.status_code for answer in pool.map(desk.send, bodies * 4)]
    assert statuses == [423] * 12
    assert len(cases(desk)) == 1


def test_a_copy_that_goes_on_once_it_was_settled_is_a_case_again(hub: Served) -> None:
    desk = hub.desk()
    orders = ready(desk, 3)
    desk.one(desk.hand_over(orders[0]))
    copy = copy_of(desk, 0)
    body = copy.request(copy.hand_over(orders[1]))
    for number in (1, 2, 3):
        for _ in range(2):
            assert desk.send(body).status_code == 423
        told = cases(desk)
        assert [case["state"] for case in told] == ["settled"] * (number - 1) + ["open"]
        assert settle(desk, told[-1], "off")["answer"] == "accepted"
    assert [case["id"] for case in cases(desk)] == [f"copied-{desk.till}-1{end}" for end in ("", ".2", ".3")]
    # Enrolled again, the till begins anew, and so do its cases.
    anew = hub.desk(again=desk)
    anew.chain = desk.chain
    anew.push(*anew.chain)
    other = copy_of(anew, 0)
    assert anew.send(other.request(other.hand_over(orders[2]))).status_code == 423
    assert cases(anew)[-1]["id"] == f"copied-{desk.till}-2"
