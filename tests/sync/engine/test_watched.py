"""The engine as the window's link watches it: a real one, on a real folder."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from sync import link as links
from sync.engine.enrol import enrol
from sync.link import EngineLink
from tests.sync.engine.badhub import CODE, BadHub
from tests.sync.engine.processes import PROGRAM, online
from tests.waiting import until


@pytest.fixture
def folder(tmp_path: Path, hub: BadHub) -> Path:
    enrol(hub.url, CODE, tmp_path, StoredKeys())
    return tmp_path


@contextmanager
def watched(folder: Path) -> Iterator[tuple[EngineLink, list[Mapping[str, Any]]]]:
    told: list[Mapping[str, Any]] = []
    link = EngineLink([sys.executable, "-c", PROGRAM, str(folder), "attached"], told.append)
    link.start()
    try:
        yield link, told
    finally:
        link.stop()


def test_what_is_fatal_stays_until_the_engine_serves_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "RESTART_S", (0.0,))
    key = folder / paths.KEY
    aside = key.rename(folder / "aside")
    with watched(folder) as (_, told):
        until(lambda: told.count({"fatal": "key-missing"}) == 3, 30)
        assert told == [{"fatal": "key-missing"}] * len(told)
        aside.rename(key)
        until(lambda: online(dict(told[-1])), 30)
        assert not [event for event in told if "line" in event and not event["line"]["online"]]
