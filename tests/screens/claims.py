"""The scenes of a till that is not its store's lead: asked, held elsewhere, nobody reached, released."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from posapp.domain import custody
from posapp.domain.facts import subject
from posapp.domain.pickup import Verdict
from tests.kit.things import NOW
from tests.screens.samples import ORDERS, scan_for

if TYPE_CHECKING:
    from tests.screens.scenes import Scene, Stage

NUMBER = ORDERS[Verdict.READY].number
LEAD = "B01-1"


def claim_scenes() -> Iterator[tuple[str, Scene]]:
    """From the question to a manager's release; at the end the till is the only one again."""
    yield "claim_asked", _asked
    yield "claim_held", lambda s: _told(s, "held")
    yield "claim_behind", lambda s: _told(s, "behind")
    yield "claim_silent", lambda s: _told(s, "silent")
    yield "claim_reason", lambda s: s.window.home.card.action.emit("release")
    yield "claim_released", _released


def _asked(stage: Stage) -> None:
    stage.counter.books.claims.keep_lease(LEAD, 1, custody.LEASE_S, NOW, alone=False)
    stage.scan(scan_for(Verdict.READY))


def _told(stage: Stage, state: str) -> None:
    stage.counter.desk.custody.told(NUMBER, state, LEAD)
    stage.window.home.renew(frozenset({subject("order", NUMBER)}))
    stage.window.home.refresh()


def _released(stage: Stage) -> None:
    stage.window.home.tray.answered.emit("Kundin ist bekannt, Kasse 1 ist aus")
    stage.counter.books.claims.keep_lease("t1", 1, custody.LEASE_S, NOW, alone=True)
