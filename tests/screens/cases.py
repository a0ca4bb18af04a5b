"""Scenes: cases of the store's other tills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from posapp.domain.cases import COPIED, KIND, PROVISIONAL, Case, Side
from posapp.domain.orders import HANDED_OVER
from tests.kit.things import NOW
from tests.screens.samples import CASE, TWINS

if TYPE_CHECKING:
    from tests.screens.scenes import Scene, Stage

_EARLIER = Side(HANDED_OVER, "B01-1", "Ana Weiß", NOW - timedelta(hours=3), (("l1", 1),))
_TOLD = (
    Case(
        "collision",
        f"order:{CASE.number}",
        "already-handed-over",
        NOW - timedelta(days=2),
        Side(HANDED_OVER, "B01-2", "Miriam Yılmaz", NOW - timedelta(days=2, minutes=4), (("l1", 1),)),
        (_EARLIER,),
    ),
    Case(
        "word",
        f"order:{TWINS[0].number}",
        PROVISIONAL,
        NOW - timedelta(hours=2),
        Side(
            HANDED_OVER,
            "B01-3",
            "Jörg Großkreutz",
            NOW - timedelta(hours=2),
            (("l1", 1),),
            "Kundin ist im Laden bekannt und hat den Ausweis gezeigt",
        ),
    ),
    Case(
        "copied",
        "till:B01-2",
        COPIED,
        NOW - timedelta(minutes=7),
        Side(HANDED_OVER, "B01-2", "Jörg Großkreutz", NOW - timedelta(minutes=9), subject="order:B24017"),
        (Side(HANDED_OVER, "B01-2", "Miriam Yılmaz", NOW - timedelta(hours=1), subject="order:B24009"),),
        {"seq": 1042, "hash": "3f9a1c04be77", "sent_hash": "c81d20e6a95b", "last_seq": 1047},
    ),
    Case(
        "put_back",
        "till:B01-3",
        COPIED,
        NOW - timedelta(minutes=3),
        Side("", "B01-3", "", NOW - timedelta(minutes=3)),
        (Side(HANDED_OVER, "B01-3", "Miriam Yılmaz", NOW - timedelta(hours=1), subject="order:B24009"),),
        {"seq": 88, "or_before": True, "hash": "77be3f9a1c04", "sent_hash": "a95bc81d20e6", "last_seq": 88},
    ),
)


def case_scenes() -> Iterator[tuple[str, Scene]]:
    """Each of them, one after the other."""
    yield "attention_store", _list
    for case in _TOLD:
        yield f"attention_{case.id}", lambda s, ref=case.id: _choose(s, ref)  # type: ignore[misc]  # bound now


def _list(stage: Stage) -> None:
    stage.counter.records(*((KIND, case.id, case.to_body()) for case in _TOLD))
    stage.window.go("attention")


def _choose(stage: Stage, ref: str) -> None:
    from ui.screens.attention import AttentionScreen

    screen = stage.window.front
    assert isinstance(screen, AttentionScreen)
    screen.choose(ref)
