"""A seeded hub database of each kind, fresh for every test, and a hub that serves it."""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from sync.hub import operator
from sync.hub.database import Database
from tests import postgres
from tests.sync.hub.kit import Served, served

_names = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip(postgres.MISSING)
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("hub") / "hub.db"
    operator.prepare(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    _create(postgres_server, "seeded")
    operator.prepare(f"{postgres_server}/seeded")
    return "seeded"


class Spares:
    """Copies of the seeded database: the next one is made while a test runs, and used ones are dropped meanwhile."""

    def __init__(self, server: str, template: str) -> None:
        self._server = server
        self._template = template
        self._thread = ThreadPoolExecutor(1, "databases")
        self._next = self._made()

    def take(self) -> str:
        """One that nobody has used."""
        taken, self._next = self._next, self._made()
        return taken.result()

    def drop(self, name: str) -> None:
        """It is not needed any more."""
        self._thread.submit(_drop, self._server, name)

    def close(self) -> None:
        """Wait for what is under way."""
        self._thread.shutdown()

    def _made(self) -> Future[str]:
        def make() -> str:
            name = f"hub_{next(_names)}"
            _create(self._server, name, self._template)
            return name

        return self._thread.submit(make)


@pytest.fixture(scope="session")
def spares(postgres_server: str, postgres_template: str) -> Iterator[Spares]:
    made = Spares(postgres_server, postgres_template)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database: every test that asks for a database runs on both."""
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"empty_{next(_names)}"
    _create(server, name)
    yield f"{server}/{name}"
    _drop(server, name)


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a seeded database of 36 orders, for this test alone."""
    if kind == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "hub.db")
        yield f"sqlite:///{tmp_path / 'hub.db'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    spares: Spares = request.getfixturevalue("spares")
    name = spares.take()
    yield f"{server}/{name}"
    spares.drop(name)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def hub(database: Database) -> Iterator[Served]:
    with served(database) as running:
        yield running


@pytest.fixture(scope="session")
def standing_sqlite(sqlite_template: Path) -> Iterator[Served]:
    file = sqlite_template.with_name("standing.db")
    shutil.copy(sqlite_template, file)
    yield from _standing(f"sqlite:///{file}")


@pytest.fixture(scope="session")
def standing_postgresql(postgres_server: str, postgres_template: str) -> Iterator[Served]:
    _create(postgres_server, "standing", postgres_template)
    yield from _standing(f"{postgres_server}/standing")


@pytest.fixture
def standing(kind: str, request: pytest.FixtureRequest) -> Served:
    """A hub for all tests that leave no trace in it: it is started once."""
    found: Served = request.getfixturevalue(f"standing_{kind}")
    return found


def _standing(url: str) -> Iterator[Served]:
    opened = Database(url)
    with served(opened) as running:
        yield running
    opened.close()


def _create(server: str, name: str, template: str = "template0") -> None:
    _admin(server, f"CREATE DATABASE {name} TEMPLATE {template}")


def _drop(server: str, name: str) -> None:
    _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


def _admin(server: str, statement: str) -> None:
    address = server.replace("postgresql:", "postgresql+psycopg:") + "/postgres"
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
