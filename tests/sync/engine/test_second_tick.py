"""Two real sync processes and a hub: the line is cut, a fact gets its second tick, its till is destroyed."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.storage.journal import Journal
from posapp.storage.neighbour_copies import copied
from sync.engine.neighbours import known
from sync.hub.database import Database
from tests.kit.station import at_hub, engine, station
from tests.sync.engine.tills import append
from tests.waiting import until


def opened(folder: Path) -> Journal:
    """The till's ledger, as its window has it."""
    return Journal(folder / paths.LEDGER, StoredKeys().load(folder), write=True)


def knows_a_door(folder: Path) -> bool:
    with closing(opened(folder)) as journal:
        return bool(known(journal, leading=False).doors)


@pytest.mark.parametrize("dies", [0, 1], ids=["lead", "other"])
def test_it_survives_its_till(tmp_path: Path, dies: int) -> None:
    with station(tmp_path / "hub", 20) as hub:
        tills = [hub.enrol(tmp_path / f"till-{n}") for n in (1, 2)]
        with engine(tills[1 - dies]):
            with engine(tills[dies]):
                until(lambda: all(knows_a_door(folder) for folder in tills), 60)
                hub.kill()
                with closing(opened(tills[dies])) as journal:
                    done = append(journal, hub.ready()[0])
                    until(lambda: copied(journal, done), 60)
            shutil.rmtree(tills[dies])
            hub.start()
            with closing(Database(hub.database_url)) as database:
                until(lambda: done.fact.id in at_hub(database).answers, 60)
                assert set(at_hub(database).answers) == {done.fact.id}
