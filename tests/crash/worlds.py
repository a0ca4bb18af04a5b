"""A hub, a shop that knows no repeat, and tills on real files that are copied, put back and taken away.

Two worlds with one face. `Direct` has the product's own code at both ends, and calls where HTTP and
processes would be: a run takes a moment. `tests.crash.processes` has a hub process and sync processes.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Answer, Entry
from posapp.domain.pickup import Verdict
from posapp.storage.journal import Journal
from posapp.storage.mirror import Mirror, path_in
from sync import wire
from sync.engine import process
from sync.engine.client import ForkTold, GapTold, Hub, NotEnrolled, Revoked, Trouble
from sync.engine.line import Line
from sync.engine.pull import Pull
from sync.engine.push import Left, Push
from sync.hub import digests, feed, keys, operator, tills
from sync.hub.database import Database
from sync.hub.ledger import Ledger
from sync.hub.poller import Poller
from sync.hub.refusals import OutOfStep, Refusal
from sync.hub.shop_writer import ShopWriter
from sync.hub.tables import till as till_table
from tests.kit import blind_shop, counter, lives, station
from tests.kit.blind_shop import BlindShop
from tests.kit.shop import STORE
from tests.kit.station import AtHub

ORDERS = 60
STEPS = 40
SAID = ("till-forked", "till-refused", "till-revoked")
"""What a till says that must not go on as if nothing had happened."""


class World(Protocol):
    """What a run needs of its surroundings."""

    @property
    def database(self) -> Database:
        """The hub's."""
        ...

    def enrol(self, folder: Path, again: str = "") -> None:
        """The operator's code, and ``posapp till enrol`` with it."""
        ...

    def sync(self, folder: Path) -> str:
        """The till is in contact until there is nothing more to do; what it says then ("": all is well)."""
        ...

    def revoke(self, till: str) -> None:
        """The operator revokes a till."""
        ...

    def back_up(self, to: Path) -> Path:
        """A copy of the hub's database as it is now."""
        ...

    def poll(self) -> None:
        """The shop is read, as it is every second."""
        ...

    def restore(self, backup: Path) -> None:
        """Put the hub's database back to an older copy, and say so by ``posapp hub restored``."""
        ...

    def written(self) -> Counter[str]:
        """How often each hand-over was written to the shop, once nothing waits for it."""
        ...


# -- a till's folder --------------------------------------------------------------------------------
def work(folder: Path, count: int, chance: random.Random) -> dict[str, str]:
    """Facts done at the counter of this till: ref -> subject, each acknowledged."""
    books, counter_ = lives.open_desk(folder)
    try:
        found = books.queue("order", "ready")
        numbers = [known.id for known in found if counter_.pickup.look(known)[0] is Verdict.READY]
        chance.shuffle(numbers)
        acts = lives.acts(counter_, iter(numbers), chance, orders=0.6)
        done: dict[str, str] = {}
        for _ in range(count):
            act = next(acts, None)
            if act is None:
                break
            assert act.known is not None
            done[act.ref] = act.known.name
        return done
    finally:
        books.close()


def copy(folder: Path, to: Path) -> Path:
    """The machine's image: ledger, mirror, their logs, and the key."""
    return Path(shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.lock", "*-shm", "logs")))


@contextmanager
def opened(folder: Path, *, write: bool = False) -> Iterator[Journal]:
    """The till's journal."""
    journal = Journal(folder / paths.LEDGER, StoredKeys().load(folder), write=write)
    try:
        yield journal
    finally:
        journal.close()


def facts(folder: Path) -> list[Entry]:
    """All of the till's journal."""
    with opened(folder) as journal:
        return list(journal.every())


def mirrored(folder: Path, key: str) -> str:
    """A value of the till's mirror."""
    mirror = Mirror(path_in(folder), StoredKeys().load(folder))
    try:
        return mirror.meta(key)
    finally:
        mirror.close()


def settled(database: Database, folder: Path) -> bool:
    """Whether the till and the hub have come to the same place; never for a revoked one, which leaves."""
    with opened(folder) as journal:
        head, digest = journal.head()
        ident, waits = journal.meta("till"), journal.waiting()[0]
    with database.read() as connection:
        query = till_table.select().where(till_table.c.id == ident)
        row = connection.execute(query).one()
        generation = keys.get(connection, keys.GENERATION)
    return (
        not waits
        and not row.revoked
        and (row.last_seq, row.last_hash) == (head, digest.hex())
        and mirrored(folder, "generation") == generation
    )


# -- the hub's file ---------------------------------------------------------------------------------
def back_up(url: str, to: Path) -> Path:
    """A copy of the hub's SQLite file as it is now, taken beside who writes it."""
    with (
        closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)
    return to


def put_back(url: str, backup: Path) -> None:
    """The copy instead of the file; nobody has that open."""
    file = Path(url.removeprefix("sqlite:///"))
    for old in file.parent.glob(f"{file.name}*"):
        old.unlink()
    shutil.copy(backup, file)
    operator.restored(url)


def template(folder: Path) -> Path:
    """A hub's database with the sample shop; made once for many runs."""
    file = folder / "template.db"
    operator.prepare(f"sqlite:///{file}", ORDERS, undo_seconds=0)
    return file


# -- without processes ------------------------------------------------------------------------------
class _Calls:
    """The hub's client where the hub is in this process: what HTTP would carry, carried by calls."""

    def __init__(self, database: Database, ledger: Ledger, token: str) -> None:
        self._database = database
        self._ledger = ledger
        self._token = token
        self.at_head = False

    def push(self, request: wire.FactsRequest) -> wire.FactsAnswer:
        try:
            # Through JSON, as on the wire.
            return self._ledger.push(
                self._token, wire.FactsRequest.model_validate_json(request.model_dump_json())
            )
        except OutOfStep as told:
            if isinstance(told.body, wire.Fork):
                raise ForkTold(told.body) from None
            raise GapTold(wire.Gap.model_validate(told.body.model_dump())) from None
        except Refusal as refusal:
            raise _refused(refusal) from None

    def feed(self, after: int, limit: int, wait: int) -> wire.FeedPage:
        try:
            page = feed.page(self._database, self._token, after, limit)
        except Refusal as refusal:
            raise _refused(refusal) from None
        self.at_head = page.next >= page.head
        return wire.FeedPage.model_validate_json(page.as_json("2026-11-22T00:00:00.000000Z"))

    def digest(self, after: int, mine: str) -> wire.FeedDigest:
        try:
            with self._database.read() as connection:
                till = tills.known_by(connection, self._token)
        except Refusal as refusal:
            raise _refused(refusal) from None
        return digests.compared(self._database, till, after, mine)[0]


def _refused(refusal: Refusal) -> Exception:
    if refusal.status == 401:
        return NotEnrolled("till-refused")
    if refusal.status == 403:
        return Revoked("till-revoked")
    return Trouble("hub-strange", status=refusal.status, reachable=True)


class Direct:
    """`World` in one process, on real files. Close when done."""

    def __init__(self, folder: Path, hub: Path) -> None:
        self._url = f"sqlite:///{folder / 'hub.db'}"
        self._shop = folder / "shop.db"
        shutil.copy(hub, folder / "hub.db")
        self.database = Database(self._url)

    def close(self) -> None:
        """Give the database back."""
        self.database.close()

    def enrol(self, folder: Path, again: str = "") -> None:
        """As `World` says."""
        if not folder.exists():
            folder.mkdir()
            counter.make_files(folder)
            (folder / paths.KEY).write_text(counter.KEY.hex())
            (folder / paths.KEY).chmod(0o600)
        code = tills.offer(self.database, STORE, datetime.now(UTC), again)
        enrolled = tills.enrol(self.database, code, "", datetime.now(UTC))
        with opened(folder, write=True) as journal:
            assert not again or journal.meta("till") == enrolled.till
            journal.set_meta(
                **{"till": enrolled.till, "token": enrolled.token, "epoch": str(enrolled.epoch)},
                **{"store": enrolled.store, "store_key": enrolled.store_key, "revoked": ""},
            )

    def sync(self, folder: Path, cut: Callable[[], None] = lambda: None) -> str:
        """As `World` says; ``cut`` is called before each step and may raise Trouble."""
        try:
            key = StoredKeys().load(folder)
        except Exception as fault:
            return getattr(fault, "reason", "") or repr(fault)
        said = ""
        left = False
        with opened(folder, write=True) as journal:
            calls = _Calls(self.database, self._ledger(), journal.meta("token"))
            line = Line(lambda _: None)
            push = Push(cast("Hub", calls), journal, line, lambda _: None)
            pull = Pull(
                cast("Hub", calls), folder, key, journal,
                line=line, tell=lambda _: None, rebuilt=push.ask_again, news=push.news, look=push.look,
            )  # fmt: skip
            try:
                said = self._pull(pull, calls, push)
                for _ in range(STEPS):
                    cut()
                    if not push.step() and (said or settled(self.database, folder)):
                        break
                    said = said or self._pull(pull, calls, push)
            except Left:
                left = True
            except (Trouble, NotEnrolled) as trouble:
                said = trouble.reason
            finally:
                pull.close()
        if left:
            process._wipe(folder, StoredKeys())
            return "till-wiped"
        return said

    def _pull(self, pull: Pull, calls: _Calls, push: Push) -> str:
        try:
            for _ in range(STEPS):
                try:
                    pull.step()
                except Trouble as trouble:
                    if trouble.status != 410:
                        raise
                    continue
                if calls.at_head and pull._fresh is None:
                    return ""
        except Revoked as revoked:
            push.ask_again()
            return revoked.reason
        except NotEnrolled as refused:
            return refused.reason
        raise TimeoutError("the pull does not come to its end")

    def _ledger(self) -> Ledger:
        return Ledger(self.database, lambda: datetime.now(UTC), lambda store, head, by: None)

    def restore(self, backup: Path) -> None:
        """As `World` says."""
        self.database.close()
        put_back(self._url, backup)
        self.database = Database(self._url)

    def back_up(self, to: Path) -> Path:
        """A copy of the hub's database as it is now."""
        return back_up(self._url, to)

    def poll(self) -> None:
        """The shop is read, as it is every second."""
        Poller(self.database, BlindShop(self.database, self._shop), lambda: datetime.now(UTC)).run_once()

    def revoke(self, till: str) -> None:
        """The operator revokes a till."""
        tills.revoke(self.database, till, datetime.now(UTC))

    def written(self) -> Counter[str]:
        """As `World` says."""
        blind_shop.begin(self._shop)
        shop = BlindShop(self.database, self._shop)
        ShopWriter(self.database, shop, lambda: datetime.now(UTC), lambda store, head: None).run_due()
        return blind_shop.written(self._shop)


def held(world: World) -> AtHub:
    """What the hub holds."""
    return station.at_hub(world.database)


ACCEPTED = Answer.ACCEPTED.value
