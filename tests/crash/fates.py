"""What may befall a till's files and a hub's: put back, copied, taken back, revoked, restored.

Each fate is one seeded run in a `World`: noticed, or the run fails; and every fact that any copy of a
till acknowledged is at the hub at the end, with a case where it was not taken, and each hand-over that
was taken is in the shop once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.cases import COPIED, KIND, Case
from posapp.domain.errors import StorageFault
from posapp.storage.mirror import path_in
from sync.engine.client import Trouble
from sync.hub import keys, tills
from sync.hub.tables import record
from tests.crash.check import Loss
from tests.crash.worlds import ACCEPTED, Direct, World, copy, facts, held, mirrored, opened, work
from tests.kit.station import AtHub

Fate = Callable[[World, Path, random.Random], str]
"""Raises Loss; returns what was noticed."""


def _name(folder: Path) -> str:
    with opened(folder) as journal:
        return journal.meta("till")


def _till(world: World, folder: Path, chance: random.Random) -> dict[str, str]:
    """A till that has worked for a while, and been in contact."""
    world.enrol(folder)
    _well(world.sync(folder))
    said = work(folder, chance.randrange(1, 6), chance)
    if chance.random() < 0.7:
        _well(world.sync(folder))
    return said


def _well(said: str) -> None:
    if said:
        raise Loss(f"all should be well, and the till says {said}")


def _noticed(said: str, *wanted: str) -> str:
    if said not in wanted:
        raise Loss(f"nothing was noticed: {said or 'all is well'}")
    return said


def _case(world: World, till: str, *, both: bool) -> None:
    """That two copies of a till say different things is a case of its store; with what ``both`` did, if they did."""
    query = select(record.c.body).where(record.c.kind == KIND, record.c.body.is_not(None))
    with world.database.read() as connection:
        found = [Case.from_body(json.loads(body)) for (body,) in connection.execute(query)]
    mine = [case for case in found if (case.subject, case.reason) == (f"till:{till}", COPIED)]
    if len(mine) != 1:
        raise Loss(f"{len(mine)} cases of the copied till")
    if both and not (mine[0].said.kind and mine[0].others):
        raise Loss(f"the case does not say what both did: {mine[0]}")


def nothing_lost(world: World, said: dict[str, str]) -> None:
    """Every acknowledged fact is at the hub, taken or a case; the shop has what was taken, once."""
    written = world.written()
    found: AtHub = held(world)
    lost = said.keys() - found.answers.keys()
    if lost:
        raise Loss(f"{len(lost)} of {len(said)} facts lost")
    if found.broken:
        raise Loss(f"the hub's chain: {found.broken[:3]}")
    doubled = [ref for ref, times in written.items() if times > 1]
    if doubled:
        raise Loss(f"{len(doubled)} twice in the shop")
    taken = {r for r, name in said.items() if name.startswith("order:") and found.answers[r] == ACCEPTED}
    if taken - written.keys():
        raise Loss(f"{len(taken - written.keys())} never came to the shop")


def _again(world: World, folder: Path, chance: random.Random) -> dict[str, str]:
    """The operator's step: enrolled again, a copy sends everything it keeps. It had gone on working."""
    said = work(folder, chance.randrange(3), chance)
    world.enrol(folder, again=_name(folder))
    _well(world.sync(folder))
    for entry in facts(folder):
        with opened(folder) as journal:
            if entry.answer.value != ACCEPTED and not journal.case_open(entry.seq):
                raise Loss(f"fact {entry.seq} was not taken and is no case")
    return said


def restored(world: World, folder: Path, chance: random.Random) -> str:
    """Ledger and mirror are put back to an older copy; what was done since had all reached the hub."""
    till, image = folder / "till", folder / "image"
    said = _till(world, till, chance)
    copy(till, image)
    said |= work(till, chance.randrange(1, 6), chance)
    _well(world.sync(till))
    worked = chance.random() < 0.5
    if worked:
        # Before the next contact somebody works at what was put back.
        said |= work(image, chance.randrange(1, 4), chance)
    noticed = _noticed(world.sync(image), "till-forked")
    _case(world, _name(till), both=worked)
    said |= _again(world, image, chance)
    nothing_lost(world, said)
    return noticed


def cloned(world: World, folder: Path, chance: random.Random) -> str:
    """A copy lives on beside the original, and both are worked at."""
    pair = [folder / "till", folder / "clone"]
    said = _till(world, pair[0], chance)
    copy(pair[0], pair[1])
    for one in pair:
        said |= work(one, chance.randrange(1, 5), chance)
    chance.shuffle(pair)
    heard = [world.sync(one) for one in pair]
    noticed = _noticed(heard[1], "till-forked")
    _well(heard[0])
    _case(world, _name(pair[0]), both=True)
    if chance.random() < 0.5:
        pair.reverse()
    for one in pair:
        said |= _again(world, one, chance)
    # Only one of them can be the till: the other is told so, and sells no order that the hub lent away.
    _noticed(world.sync(pair[0]), "till-refused")
    nothing_lost(world, said)
    return noticed


def rolled_back(world: World, folder: Path, chance: random.Random) -> str:
    """The machine's image is put back; of what was done since, all, a part or nothing had been pushed.

    The disk that was taken out is kept. Where nothing had been pushed nobody but that disk knows, and it
    is noticed when it comes back.
    """
    till, image = folder / "till", folder / "image"
    said = _till(world, till, chance)
    copy(till, image)
    pushed = chance.random() < 2 / 3
    if pushed:
        said |= work(till, chance.randrange(1, 4), chance)
        _well(world.sync(till))
    said |= work(till, chance.randrange(0 if pushed else 1, 4), chance)
    said |= work(image, chance.randrange(1, 4), chance)
    heard = world.sync(image)
    if pushed:
        _noticed(heard, "till-forked")
        _case(world, _name(till), both=True)
        said |= _again(world, image, chance)
        noticed = _noticed(world.sync(till), "till-refused")
    else:
        _well(heard)
        noticed = _noticed(world.sync(till), "till-forked")
        _case(world, _name(till), both=True)
    said |= _again(world, till, chance)
    nothing_lost(world, said)
    return noticed


def revoked(world: World, folder: Path, chance: random.Random) -> str:
    """Revoked while facts wait: they are sent, then mirror and key are gone, and the till refuses."""
    till = folder / "till"
    said = _till(world, till, chance)
    said |= work(till, chance.randrange(0, 6), chance)
    name = _name(till)
    world.revoke(name)
    if isinstance(world, Direct):
        _cut_off(world, till, chance)
    noticed = _noticed(world.sync(till), "till-wiped")
    if (till / paths.KEY).exists() or path_in(till).exists():
        raise Loss("key or mirror is still there")
    try:
        StoredKeys().load(till)
    except StorageFault as fault:
        _noticed(fault.reason, "till-wiped")
    else:
        raise Loss("a wiped till can be opened")
    with world.database.read() as connection:
        if not keys.get(connection, tills.LEFT + name):
            raise Loss("the hub does not know that the till is gone")
    nothing_lost(world, said)
    return noticed


def _cut_off(world: Direct, till: Path, chance: random.Random) -> None:
    """Contacts that break off somewhere; once the till knows, it takes no fact any more."""
    for _ in range(chance.randrange(3)):
        left = [chance.randrange(4)]

        def cut(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Trouble("hub-unreachable")

        if world.sync(till, cut) == "till-wiped":
            return
        with opened(till) as journal:
            knows = bool(journal.meta("revoked"))
        if knows:
            try:
                work(till, 1, chance)
            except StorageFault as fault:
                _noticed(fault.reason, "till-revoked")
            else:
                raise Loss("a revoked till takes facts")


def hub_rolled_back(world: World, folder: Path, chance: random.Random) -> str:
    """The hub's database is restored from an older backup under its tills."""
    places = [folder / f"till-{nth}" for nth in range(2)]
    said: dict[str, str] = {}
    for one in places:
        said |= _till(world, one, chance)
    if chance.random() < 0.5:
        world.written()
    backup = world.back_up(folder / "backup.db")
    anew = chance.random() < 0.2
    if anew:
        world.enrol(places[0], again=_name(places[0]))
    for one in places:
        said |= work(one, chance.randrange(0, 6), chance)
        if chance.random() < 0.8:
            _well(world.sync(one))
    if chance.random() < 0.8:
        world.written()
    before = {one: mirrored(one, "generation") for one in places}
    world.restore(backup)
    if chance.random() < 0.5:
        world.poll()
    noticed = "generation"
    for one in places:
        said |= work(one, chance.randrange(0, 3), chance)
        heard = world.sync(one)
        if anew and one == places[0]:
            noticed = _noticed(heard, "till-refused")
            world.enrol(one, again=_name(one))
            heard = world.sync(one)
        _well(heard)
        if mirrored(one, "generation") == before[one]:
            raise Loss("the till did not notice that the hub's past is another one")
    nothing_lost(world, said)
    return noticed


FATES: dict[str, Fate] = {
    "restored": restored,
    "cloned": cloned,
    "rolled back": rolled_back,
    "revoked": revoked,
    "hub rolled back": hub_rolled_back,
}
