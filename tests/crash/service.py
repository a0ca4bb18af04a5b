"""A ticket whose till is killed between its steps, with the line cut; and what the hub has of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Answer
from posapp.domain.tickets import Ticket, TicketState
from posapp.storage.check import check_folder
from posapp.storage.journal import Journal
from sync.engine.client import Hub
from tests.kit.shop import environment, journal, open_shop
from tests.waiting import until

STEPS = (
    ("open", "TicketOpened", "open"),
    ("step", "TicketMoved", "open"),
    ("step", "TicketMoved", "ready"),
    ("step", "TicketHandedBack", ""),
)
"""What the clerk does, the fact it makes, and the queue that shows the ticket afterwards."""


@dataclass
class Life:
    """What one life of the till said before it was killed."""

    facts: list[tuple[str, str, str]] = field(default_factory=list)
    queues: dict[str, list[str]] = field(default_factory=dict)


def walk(folder: Path) -> str:
    """Take in, start, finish, hand back; kill -9 window and sync after each step; then the line is up.

    Returns the evidence in one line. Raises AssertionError where a promise did not hold.
    """
    data = folder / "till"
    with open_shop(folder / "hub") as shop:
        shop.enrol(data)
        shop.hub.stop()
        code, refs = "", []
        for step, kind, queue in STEPS:
            life = live(data, step, code)
            ((told, ref, code),) = life.facts
            assert told == kind, f"{told} instead of {kind}"
            refs.append(ref)
            for life_now in (life, live(data, "look", "")):
                shown = {name for name, ids in life_now.queues.items() if f"ticket:{code}" in ids}
                assert shown == ({queue} if queue else set()), f"after {kind} the queues show it in {shown}"
        assert [entry.fact.id for entry in journal(data)] == refs
        shop.hub.start()
        set_hub(data, shop.hub.url)
        sync = [sys.executable, "-m", "posapp", "sync", "--data", str(data), "--attached"]
        with subprocess.Popen(
            sync, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment()
        ) as engine:
            until(lambda: all(e.answer is Answer.ACCEPTED for e in journal(data)), seconds=30)
            assert engine.stdin is not None
            engine.stdin.close()
        ticket = at_hub(data, code)
        assert ticket.state is TicketState.HANDED_BACK, f"the hub has it {ticket.state}"
        assert [made.ref for made in ticket.steps] == refs, "the hub has other steps than the till"
        check_folder(data, StoredKeys().load(data))
    return f"{len(refs)} steps, {2 * len(STEPS)} kills, once on the hub as {ticket.state}, in its queue throughout"


def live(data: Path, step: str, code: str) -> Life:
    """One life of the till: what it said, until it and its sync process were killed."""
    command = [sys.executable, "-m", "tests.crash.service_driver", "--data", str(data), step, code]
    life = Life()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment()
    ) as till:
        assert till.stdout is not None
        for line in till.stdout:
            word, *rest = line.split()
            if word == "step":
                life.facts.append((rest[0], rest[1], rest[2]))
            elif word == "queue":
                life.queues[rest[0]] = rest[1].split(",") if len(rest) > 1 else []
            elif word == "waits":
                if int(rest[0]):
                    os.kill(int(rest[0]), signal.SIGKILL)
                till.kill()
        till.wait()
    assert len(life.queues) == 2, "the till ended before it showed its queues"
    return life


def set_hub(data: Path, url: str) -> None:
    """The hub answers at this address now."""
    opened = Journal(data / paths.LEDGER, StoredKeys().load(data), write=True)
    opened.set_meta(hub=url)
    opened.close()


def at_hub(data: Path, code: str) -> Ticket:
    """The ticket as the hub has it, asked with the till's own token."""
    opened = Journal(data / paths.LEDGER, StoredKeys().load(data))
    hub = Hub(opened.meta("hub"), opened.meta("token"))
    opened.close()
    try:
        found = hub.look_up(code)
    finally:
        hub.close()
    assert found is not None, "the hub does not know the ticket"
    assert found.record is not None
    assert found.record.body is not None
    return Ticket.from_body(found.record.body)
