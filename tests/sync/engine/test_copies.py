"""Copies between neighbours with the hub cut off: two ticks come true, and nobody but the hub can read them."""

import json
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posapp.domain.facts import Answer, Entry, timestamp
from posapp.storage.neighbour_copies import NOWHERE, Kept, copied, copied_through
from sync import sealed, wire
from sync.engine import copies, door
from sync.engine.client import Trouble
from tests.sync.engine.neighbourhood import HUB_KEY, Store, Till, store, till_in
from tests.sync.engine.tills import append
from tests.waiting import until

NAME = "Zyxwa Geheim"


def exchange(till: Till) -> None:
    """Until neither side has more to say."""
    while till.copies.ask():
        pass


def kept(at: Till) -> list[Kept]:
    return at.copies._kept.page(None, 1000)


def opened(one: Kept) -> dict[str, object]:
    plain = sealed.unseal(HUB_KEY, one.box, one.till, one.epoch, one.seq)
    found: dict[str, object] = json.loads(plain)
    return found


def hashes(entries: list[Entry]) -> list[str]:
    return [entry.hash.hex() for entry in entries]


def said(till: Till) -> list[str]:
    return [one for message in till.told for one in message.get("changed", ())]


def test_what_is_done_without_a_line_is_at_the_lead_and_only_the_hub_can_read_it(shop: Store) -> None:
    lead, second, third = shop.tills
    mine = [append(second.journal, f"W-{n}", {"note": NAME}) for n in range(3)]
    exchange(second)
    assert [one.hash for one in kept(lead)] == hashes(mine)
    assert all(copied(second.journal, entry) for entry in mine)
    assert said(second) == ["order:W-0", "order:W-1", "order:W-2"]
    assert kept(third) == []
    for one in kept(lead):
        assert NAME.encode() not in one.box
        request = wire.FactsRequest.model_validate(opened(one)["request"])
        assert opened(one)["token"] == "t"
        assert (request.epoch, request.prev_seq, request.prev_hash) == (1, one.seq - 1, one.prev_hash)
        assert NAME in request.facts[0].payload
        with pytest.raises(ValueError, match="does not open"):
            sealed.unseal(HUB_KEY, one.box, third.name, one.epoch, one.seq)
        with pytest.raises(ValueError, match="does not open"):
            sealed.unseal("08" * 32, one.box, one.till, one.epoch, one.seq)


def test_what_the_lead_does_is_at_every_neighbour_that_asks(shop: Store) -> None:
    lead, second, third = shop.tills
    done = append(lead.journal, "W-1")
    assert not copied(lead.journal, done)
    exchange(second)
    assert copied(lead.journal, done)
    assert said(lead) == ["order:W-1"]
    exchange(third)
    assert hashes([done]) == [one.hash for one in kept(second)] == [one.hash for one in kept(third)]
    # Told once.
    assert said(lead) == ["order:W-1"]


def test_more_than_fits_one_message_goes_in_several(shop: Store) -> None:
    lead, second, _ = shop.tills
    mine = [append(second.journal, f"W-{n}") for n in range(2 * wire.MAX_COPIES + 7)]
    long = [append(second.journal, f"W-{n}", {"note": "x" * 60_000}) for n in range(9)]
    exchange(second)
    assert [one.hash for one in kept(lead)] == hashes(mine + long)
    assert copied_through(second.journal) == len(mine) + len(long)


def test_the_largest_fact_fits_and_what_the_wire_has_no_place_for_gets_no_tick(shop: Store) -> None:
    lead, second, _ = shop.tills
    largest = append(second.journal, "W-1", {"note": "\U0001f4e6" * 65_000})
    too_large = append(second.journal, "W-2", {"note": "x" * 70_000})
    after = append(second.journal, "W-3")
    exchange(second)
    assert len(kept(lead)) == 3
    assert [copied(second.journal, one) for one in (largest, too_large, after)] == [True, False, True]


def test_only_what_is_unanswered_is_copied_and_what_was_answered_is_dropped(shop: Store) -> None:
    lead, second, _ = shop.tills
    mine = [append(second.journal, f"W-{n}") for n in range(4)]
    at = timestamp(datetime.now(UTC))
    second.journal.settle([(1, Answer.ACCEPTED, {})], at)
    exchange(second)
    assert [one.seq for one in kept(lead)] == [2, 3, 4]
    second.journal.settle([(2, Answer.ACCEPTED, {}), (3, Answer.ACCEPTED, {})], at)
    exchange(second)
    assert [one.seq for one in kept(lead)] == [4]
    second.journal.settle([(4, Answer.ACCEPTED, {})], at)
    exchange(second)
    assert kept(lead) == []
    more = append(second.journal, "W-9")
    exchange(second)
    assert [one.hash for one in kept(lead)] == hashes([more])
    assert len(mine) == 4


def test_what_the_lead_brought_to_the_hub_is_not_sent_to_it_again(shop: Store) -> None:
    lead, second, _ = shop.tills
    append(second.journal, "W-1")
    exchange(second)
    lead.copies._kept.delete([one.key for one in kept(lead)])
    exchange(second)
    assert kept(lead) == []


def test_a_garbage_neighbour_gets_nobody_a_tick(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, second, _ = shop.tills
    mine = append(second.journal, "W-1")
    honest = lead.copies._message

    def lying(peer: str, held: object) -> wire.Copies:
        told = honest(peer, held)  # type: ignore[arg-type]
        return told.model_copy(update={"held_epoch": 1, "held": 1, "held_hash": "1" * 64})

    monkeypatch.setattr(lead.copies, "_message", lying)
    exchange(second)
    assert not copied(second.journal, mine)
    monkeypatch.undo()
    monkeypatch.setattr(door, "ASK_S", 20.0)
    exchange(second)
    assert copied(second.journal, mine)


@pytest.mark.parametrize(
    "answer",
    [
        wire.ClaimAnswer(state="held"),
        wire.Copies(
            epoch=1, through=5, through_hash="0" * 64, held_epoch=1, held=1 << 62, held_hash="f" * 64
        ),
        wire.Copies.model_construct(epoch=1, through=0, through_hash="0" * 64, held=-1),
    ],
    ids=range(3),
)
def test_a_strange_answer_changes_nothing(
    shop: Store, monkeypatch: pytest.MonkeyPatch, answer: wire.Message
) -> None:
    lead, second, _ = shop.tills
    mine = append(second.journal, "W-1")
    routes = dict(lead.custody._door._answers)
    kind, _ = routes[door.COPIES]
    monkeypatch.setattr(lead.custody._door, "_answers", {door.COPIES: (kind, lambda *_: answer)})
    for _ in range(3):
        second.copies.ask()
    assert not copied(second.journal, mine)
    assert kept(second) == []


def test_a_box_is_kept_as_its_bringers_whatever_it_says(shop: Store) -> None:
    lead, second, third = shop.tills
    theirs = append(third.journal, "W-1")
    box = wire.SealedFact(
        till=third.name,
        epoch=1,
        seq=1,
        prev_hash=theirs.prev_hash.hex(),
        hash=theirs.hash.hex(),
        box="AAAA",
    )
    foreign = wire.Copies(epoch=1, through=0, through_hash="0" * 64, facts=[box])
    told = second.copies._lead.ask(
        second.identity, second.custody.known, door.COPIES, lambda: foreign, wire.Copies
    )
    assert (told.held, told.held_hash) == (1, theirs.hash.hex())
    assert [one.till for one in kept(lead)] == [second.name]
    exchange(third)
    assert {(one.till, one.box == b"\0\0\0") for one in kept(lead)} == {
        (second.name, True),
        (third.name, False),
    }


def test_a_till_put_back_to_a_copy_of_its_ledger_sends_its_other_branch_as_well(shop: Store) -> None:
    lead, second, _ = shop.tills
    for n in range(3):
        append(second.journal, f"W-{n}")
    exchange(second)
    with second.journal.transaction() as execute:
        # As `posapp till restore` from an older copy leaves it; what it remembers is of the damaged file.
        execute("DROP TRIGGER fact_stays")
        execute("DELETE FROM fact WHERE seq = 3")
    other = append(second.journal, "W-9")
    assert not copied(second.journal, other)
    exchange(second)
    assert copied(second.journal, other)
    assert [one.seq for one in kept(lead)] == [1, 2, 3, 3]


def test_an_old_hub_has_no_key_so_there_are_no_copies(tmp_path: Path) -> None:
    with store(tmp_path, 2) as one:
        lead, second = one.tills
        for till in one.tills:
            said = json.loads(till.journal.meta("neighbours")) | {"seal_to": ""}
            till.journal.set_meta(neighbours=json.dumps(said))
            done = till.journal
            till.custody._asked.put(till.custody._tend)
            till.settle()
            append(done, "W-1")
        exchange(second)
        assert kept(lead) == kept(second) == []


def test_a_key_that_is_none_makes_no_copies_and_no_harm(shop: Store) -> None:
    second = shop.tills[1]
    append(second.journal, "W-1")
    # The point at infinity: no secret comes of it.
    second.custody._known = replace(second.custody.known, seal_to="00" * 32)
    exchange(second)
    assert kept(shop.lead) == []


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with store(tmp_path, 2) as one:
        mine = append(one.tills[1].journal, "W-1")
        exchange(one.tills[1])
        before = kept(one.lead)
    with ExitStack() as stack:
        lead = stack.enter_context(till_in(tmp_path / "till-1", "B01-1", ("127.0.0.1", 0)))
        second = stack.enter_context(till_in(tmp_path / "till-2", "B01-2"))
        assert kept(lead) == before
        assert copied(second.journal, mine)
        until(lead.custody.doors)
        for till in (lead, second):
            till.settle()
        exchange(second)
        assert kept(lead) == before


# -- when --------------------------------------------------------------------------------------------
def test_a_store_with_one_till_and_the_lead_ask_nobody(tmp_path: Path, shop: Store) -> None:
    append(shop.lead.journal, "W-1")
    assert not shop.lead.copies._due(0.0)
    with till_in(tmp_path / "alone", "B02-1") as alone:
        append(alone.journal, "W-1")
        assert not alone.copies._due(0.0)


def test_how_often_the_lead_is_asked(shop: Store) -> None:
    second = shop.tills[1]
    due = second.copies._due
    second.line.heard("push")
    assert due(100.0)
    assert not due(100.0 + copies.UP_S - 0.1)
    assert due(100.0 + copies.UP_S)
    second.line._trouble.clear()
    second.line.trouble("push", "hub-unreachable", reachable=False)
    assert due(200.0)
    assert not due(200.0 + copies.DOWN_S - 0.1)
    # Something is done: at once, and again each second while the lead cannot be reached.
    append(second.journal, "W-1")
    assert due(200.1)
    assert not due(200.2)
    assert due(201.1)
    exchange(second)
    assert due(300.0)
    assert not due(300.0 + copies.DOWN_S - 0.1)


def test_a_fact_without_an_answer_is_copied_before_the_line_is_known_to_be_down(shop: Store) -> None:
    second = shop.tills[1]
    second.line._trouble.clear()
    assert second.copies._due(10.0)
    append(second.journal, "W-1")
    assert not second.copies._due(11.0)
    assert second.copies._due(11.0 + copies.STALE_S)


def test_the_thread_does_it_by_itself(shop: Store) -> None:
    lead, second, _ = shop.tills
    second.line.trouble("push", "hub-unreachable", reachable=False)
    threads = [threading.Thread(target=till.copies.run, name=till.name) for till in (lead, second)]
    for thread in threads:
        thread.start()
    mine = append(second.journal, "W-1")
    theirs = append(lead.journal, "W-2")
    second.line.wake()
    until(lambda: copied(second.journal, mine) and copied(lead.journal, theirs))
    for till in (lead, second):
        till.line.stop()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


# -- to the hub --------------------------------------------------------------------------------------
def test_what_the_hub_said_of_each(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, second, _ = shop.tills
    for n in range(3):
        append(second.journal, f"W-{n}")
    exchange(second)
    asked: list[list[int]] = []

    def hub(request: wire.CopiesRequest) -> wire.CopiesAnswer:
        asked.append([one.seq for one in request.facts])
        return wire.CopiesAnswer(states=["taken", "waits", "refused"])

    monkeypatch.setattr(lead.copies._hub, "copies", hub)
    assert lead.copies.bring() == copies.BRING_S
    assert [one.seq for one in kept(lead)] == [2, 3]
    for _ in range(4):
        lead.copies.bring()
    assert asked == [[1, 2, 3]]
    lead.copies._later = dict.fromkeys(lead.copies._later, 0.0)

    def later(request: wire.CopiesRequest) -> wire.CopiesAnswer:
        asked.append([one.seq for one in request.facts])
        return wire.CopiesAnswer(states=["taken"])

    monkeypatch.setattr(lead.copies._hub, "copies", later)
    while not asked[1:]:
        lead.copies.bring()
    assert asked == [[1, 2, 3], [2]]
    assert [one.seq for one in kept(lead)] == [3]


@pytest.mark.parametrize(
    ("status", "pause"), [(0, copies.RETRY_S), (404, copies.LATER_S), (403, copies.LATER_S)]
)
def test_a_hub_that_takes_none_is_left_alone_for_a_while(
    shop: Store, monkeypatch: pytest.MonkeyPatch, status: int, pause: float
) -> None:
    lead, second, _ = shop.tills
    append(second.journal, "W-1")
    exchange(second)

    def hub(_: wire.CopiesRequest) -> wire.CopiesAnswer:
        raise Trouble("hub-strange", status=status)

    monkeypatch.setattr(lead.copies._hub, "copies", hub)
    assert lead.copies.bring() == pause
    assert len(kept(lead)) == 1


def test_one_over_which_the_hub_fails_holds_up_no_other(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, second, _ = shop.tills
    for n in range(4):
        append(second.journal, f"W-{n}")
    exchange(second)

    def hub(request: wire.CopiesRequest) -> wire.CopiesAnswer:
        if any(one.seq == 2 for one in request.facts):
            raise Trouble("hub-failed", status=500, reachable=True)
        return wire.CopiesAnswer(states=["taken"] * len(request.facts))

    monkeypatch.setattr(lead.copies._hub, "copies", hub)
    for _ in range(8):
        lead.copies.bring()
    assert [one.seq for one in kept(lead)] == [2]


def test_nothing_kept_is_nothing_brought(shop: Store) -> None:
    assert shop.lead.copies.bring() == copies.ROUND_S
    assert not shop.lead.copies._holds
    assert shop.lead.copies._kept.held(shop.tills[1].name) == NOWHERE
