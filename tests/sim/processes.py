"""Three real tills of one store, a real hub and its sample shop, with links that are cut and healed by a seed.

Each till is a host of its own (`tests.faults.network`). What is cut there is cut without a word to either end, its line to the
hub or its port at the store's switch; on loopback the proxy ends each call instead, and neighbours always reach one another.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from drivers.keys import StoredKeys
from posapp.storage.mirror import Mirror, path_in
from sync import digest
from sync.engine.enrol import enrol
from sync.hub import digests, operator
from sync.hub.database import Database
from sync.hub.tables import fact, record
from tests.faults import hubs
from tests.faults.network import Host, Link, network
from tests.faults.proxy import Asked, Choice, Fault, Proxy, dice
from tests.kit.shop import NO_KEYRING, STORE, environment
from tests.kit.station import at_hub
from tests.waiting import until

TILLS = 3
START_S, SETTLE_S = 90.0, 120.0
_COUNTER = "import sys; from tests.sim.counter import main; sys.exit(main())"
LOST = 0.04
"""Of all requests, where the link is whole: the answer does not come."""
CUT_CHANCE = {Link.LINE: 0.06, Link.PORT: 0.03}
"""Before each customer, of each till's whole links."""


@dataclass
class Seen:
    """What was done and what is wrong with it. ``healed_s``: so long until all tills showed the same."""

    attempts: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    collisions: int = 0
    shown: int = 0
    doubles: int = 0
    healed_s: list[float] = field(default_factory=list)
    cuts: int = 0
    kills: int = 0
    hosts: str = ""
    """On what the tills ran."""
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Seen) -> None:
        """Those of another run too."""
        for name in ("attempts", "collisions", "shown", "doubles", "cuts", "kills"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.outcomes += other.outcomes
        self.hosts = other.hosts
        self.healed_s += other.healed_s
        self.wrong += other.wrong


class Till:
    """A till's folder and host, and its counter's process while it lives. ``plant`` is a program that spoils something in it."""

    def __init__(self, folder: Path, host: Host, plant: str = "") -> None:
        self.folder = folder
        self.host = host
        self._plant = plant
        self._process: subprocess.Popen[str] | None = None

    def start(self, *, door: bool) -> None:
        """Begin, with a door on the store's network or without."""
        words = [sys.executable, "-c", f"{self._plant}\n{_COUNTER}", str(self.folder)]
        words.append(f"{self.host.address}:0" if door else "off")
        with self.folder.with_suffix(".err").open("a") as complaints:
            self._process = subprocess.Popen(
                self.host.command(words),
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
            )

    def kill(self) -> None:
        """Kill -9; its sync process ends by itself."""
        self.end(kill=True)

    def end(self, *, kill: bool = False) -> None:
        """In good order, or not."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        if kill:
            process.kill()
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def tell(self, **what: Any) -> None:
        """Have it do something."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """What came of it."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.folder.name}: {self.folder.with_suffix('.err').read_text()[-2000:]}")
        return dict(json.loads(line))

    def standing(self) -> dict[str, Any]:
        """See `tests.sim.counter`."""
        self.tell()
        return self.hear()

    def records(self) -> dict[tuple[str, str], tuple[int, Any]]:
        """Everything in its mirror, with revisions."""
        mirror = Mirror(path_in(self.folder), StoredKeys().load(self.folder))
        try:
            rows = mirror._connection.execute("SELECT kind, id, rev, body FROM record").fetchall()
        finally:
            mirror.close()
        return {(kind, ident): (rev, json.loads(body)) for kind, ident, rev, body in rows}


class Place:
    """The hub, its shop, the proxy and the tills. Use `place`."""

    def __init__(self, folder: Path, stack: ExitStack, seed: int, orders: int, plant: str = "") -> None:
        os.environ.update(NO_KEYRING)
        self.chance = random.Random(seed)
        self.seed = seed
        self.network = stack.enter_context(network(TILLS))
        self.cut: dict[tuple[int, Link], float] = {}
        """What is cut, until when (`time.monotonic`)."""
        self.whole = False
        self.url = stack.enter_context(hubs.database("sqlite", folder))
        address = stack.enter_context(hubs.serving(self.url, orders=orders))
        proxy = stack.enter_context(Proxy(address, self._choose, seed=seed))
        self.database = Database(self.url)
        stack.callback(self.database.close)
        self.numbers = list(hubs.ready_orders(self.url, STORE, orders))
        self.chance.shuffle(self.numbers)
        self.tills = []
        for n, host in enumerate(self.network.hosts):
            till = Till(folder / f"till-{n}", host, plant)
            till.folder.mkdir()
            address = proxy.door(str(n), self.network.hub)
            enrol(address, operator.enrol_code(self.url, STORE), till.folder, StoredKeys())
            self.tills.append(till)
            stack.callback(till.end)
        for till in self.tills:
            self.start(till)

    def start(self, till: Till) -> None:
        """Start it; chance has it whether it hears its neighbours, until it is started anew."""
        till.start(door=self.chance.random() < 0.5)

    def part(self, n: int, link: Link, until_s: float) -> None:
        """Cut a till's link. Where links cannot be cut, only the line is, at the proxy."""
        self.cut[n, link] = until_s
        if self.network.separate:
            self.network.cut(self.tills[n].host, link)

    def join(self, now: float = math.inf) -> None:
        """Heal what is cut no longer than until then."""
        for n, link in [one for one, until_s in self.cut.items() if until_s <= now]:
            del self.cut[n, link]
            if self.network.separate:
                self.network.heal(self.tills[n].host, link)

    def _choose(self, asked: Asked) -> Choice:
        if not self.network.separate and (int(asked.door), Link.LINE) in self.cut:
            return Fault.DROPPED
        # A held poll whose answer is to be lost would be a link that is not healed for as long as it is held.
        lossy = not self.whole and asked.route in ("POST /v1/facts", "POST /v1/claims")
        return Fault.LOST if lossy and dice(self.seed, asked).random() < LOST else Fault.PASS

    def ready(self) -> None:
        """Wait until every till has all orders and knows that it is not alone."""
        until(lambda: all(not till.standing()["alone"] for till in self.tills), START_S)
        until(lambda: not self.different(), START_S)

    def hub_records(self) -> dict[tuple[str, str], tuple[int, Any]]:
        """What the hub has told this store."""
        query = select(record.c.kind, record.c.id, record.c.rev, record.c.body).where(
            record.c.store == STORE, record.c.body.is_not(None)
        )
        with self.database.read() as connection:
            return {(row.kind, row.id): (row.rev, json.loads(row.body)) for row in connection.execute(query)}

    def different(self) -> str:
        """Which till shows something else than the hub says, and what; "" where none does."""
        wanted = self.hub_records()
        for till in self.tills:
            found = till.records()
            if found != wanted:
                apart = [key for key in {*wanted, *found} if wanted.get(key) != found.get(key)]
                return f"{till.folder.name}: {sorted(apart)[:3]}"
        return ""

    def digests(self) -> set[str]:
        """The digest that the hub tells of the store, and that of each till's mirror."""
        with self.database.read() as connection:
            found = {digest.brief(digests.read(connection, STORE)[1])}
        for till in self.tills:
            names = ((kind, ident, rev) for (kind, ident), (rev, _) in till.records().items())
            found.add(digest.brief(digest.of(names)))
        return found

    def heal(self, seen: Seen, bound_s: float) -> None:
        """Cut nothing any more, and wait until everything is answered and all show the same."""
        self.join()
        self.whole = True
        begun = time.monotonic()

        def same() -> bool:
            sent = all(not till.standing()["waiting"] for till in self.tills)
            if not sent or at_hub(self.database).unwritten or self.different():
                return False
            # What the hub publishes between two looks is with every till a moment later.
            return len(self.digests()) == 1

        try:
            until(same, SETTLE_S)
        except TimeoutError:
            apart = self.different() or f"{len(self.digests())} digests"
            seen.wrong.append(f"seed {self.seed}: not the same after {SETTLE_S:g} s: {apart}")
        took = time.monotonic() - begun
        seen.healed_s.append(took)
        if took > bound_s:
            seen.wrong.append(f"seed {self.seed}: {took:.0f} s until all tills showed the same")


class Work:
    """Customers at the tills of a place, and the weather."""

    def __init__(self, place: Place, seen: Seen, *, longest_cut_s: float = 6.0) -> None:
        self.place = place
        self.seen = seen
        self._chance = place.chance
        self._longest = longest_cut_s
        self._recent: list[str] = []
        self.left: dict[str, list[tuple[str, str]]] = {}
        """What left by the tills' own journals: of each order ref and provisional."""

    def attempt(self) -> None:
        """One customer, at times at two tills at once."""
        chance = self._chance
        self._weather()
        second = bool(self._recent) and chance.random() < 0.25
        order = chance.choice(self._recent[-6:]) if second else self.place.numbers.pop()
        self._recent.append(order)
        tills = chance.sample(self.place.tills, 2 if chance.random() < 0.15 else 1)
        for till in tills:
            till.tell(
                order=order,
                proof="label" if chance.random() < 0.15 else "code",
                override="Kunde ist bekannt" if chance.random() < 0.12 else "",
                pause=chance.choice((0, 0, 0.2)),
            )
        for till in tills:
            said = till.hear()
            self.seen.attempts += 1
            self.seen.outcomes[said.get("provisional") or said["outcome"]] += 1
            if said["outcome"] == "handed-over":
                self.left.setdefault(order, []).append((said["ref"], said["provisional"]))

    def _weather(self) -> None:
        chance, place, now = self._chance, self.place, time.monotonic()
        place.join(now)
        for n, till in enumerate(place.tills):
            for link, often in CUT_CHANCE.items():
                if (n, link) not in place.cut and chance.random() < often:
                    place.part(n, link, now + chance.uniform(0.5, self._longest))
                    self.seen.cuts += 1
            if chance.random() < 0.008:
                till.kill()
                place.start(till)
                self.seen.kills += 1

    def judge(self) -> None:
        """After healing: nothing twice in the shop, every fact taken or a case, every collision a case to all."""
        seen, place = self.seen, self.place
        with place.database.read() as connection:
            answers = {row.id: row.answer for row in connection.execute(select(fact.c.id, fact.c.answer))}
        cases = {ident for kind, ident in place.hub_records() if kind == "case"}
        shown = [set(till.standing()["cases"]) for till in place.tills]
        seen.wrong += [f"seed {place.seed}: {what} is twice in the shop" for what in self._twice()]
        for number, many in self.left.items():
            for ref, provisional in many:
                case = ref in cases and all(ref in one for one in shown)
                if answers.get(ref) is None:
                    seen.wrong.append(f"seed {place.seed}: {number} {ref} is lost")
                elif (answers[ref] != "accepted" or provisional) and not case:
                    seen.wrong.append(f"seed {place.seed}: {number} {ref} {answers[ref]} is no case")
            if len(many) > 1:
                seen.collisions += len(many) - 1
                told = sum(ref in cases and all(ref in one for one in shown) for ref, _ in many)
                seen.shown += min(told, len(many) - 1)
            if sum(not provisional for _, provisional in many) > 1:
                seen.doubles += 1
                seen.wrong.append(f"seed {place.seed}: {number} left twice, each with a grant: {many}")

    def _twice(self) -> list[str]:
        """Orders of which the shop has more pieces handed over than were ordered."""
        ordered = {
            ident: {line["id"]: line["quantity"] for line in body["lines"]}
            for (kind, ident), (_, body) in self.place.hub_records().items()
            if kind == "order"
        }
        found = []
        for one in operator.orders(self.place.url):
            gone: Counter[str] = Counter()
            for done in one["hand_overs"]:
                gone.update(done["lines"])
            wanted = ordered.get(one["number"], {})
            if one["store"] == STORE and any(many > wanted.get(line, 0) for line, many in gone.items()):
                found.append(f"{one['number']} ({one['hand_overs']} of {wanted})")
        return found


def run(
    folder: Path, seed: int, attempts: int, *, bound_s: float = SETTLE_S, cut_s: float = 6.0, plant: str = ""
) -> Seen:
    """One store for so many customers, then healed and judged."""
    seen = Seen()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        place = Place(folder, stack, seed, orders=attempts + 40, plant=plant)
        seen.hosts = place.network.said()
        place.ready()
        work = Work(place, seen, longest_cut_s=cut_s)
        while seen.attempts < attempts:
            work.attempt()
        place.heal(seen, bound_s)
        work.judge()
    return seen
