"""What was scanned last, and what was opened but not handed over: nothing a clerk saw is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posapp.domain.sales import sale_of
from ui import kinds
from ui.bridge import EVERYTHING
from ui.rows import Row
from ui.view import CardView, Tone

if TYPE_CHECKING:
    from collections.abc import Collection

    from posapp.counter.desk import Desk
    from posapp.counter.scanning import Result
    from posapp.domain.known import Known
    from ui.presenter import Acted, Question, Said

LAST = 5
OPENED = 20


@dataclass(slots=True)
class Recent:
    """One result with what became of it; its words are made anew each time, in today's language."""

    key: str
    result: Result
    at: str
    said: Said = field(default_factory=dict)
    acted: Acted | None = None
    known: Known | None = None
    mark: object = None

    def view(self, desk: Desk) -> CardView:
        """The card as it is now."""
        found = kinds.presenter(self.result)
        if found is None or self.acted is None:
            return kinds.card(self.result, self.said)
        known = self.known or self.acted.done.known or self.result.known
        assert known is not None
        return found.done_card(desk, self.acted, known)

    def question(self) -> Question | None:
        """What the clerk must ask before the act, or None."""
        found = kinds.presenter(self.result)
        return found.question(self.result, self.said) if found and self.acted is None else None

    def answer(self, text: str) -> None:
        """The answer to that."""
        asked = self.question()
        self.said = {**self.said, asked.key if asked else "answer": text}


class Recents:
    """The last five results, newest first, and the open ones: at most twenty, newest first."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._count = 0
        self._last: list[Recent] = []
        self._opened: dict[str, Recent] = {}

    def add(self, result: Result, at: str) -> tuple[Recent, CardView]:
        """A result came up: its entry and its card. What was said on the same subject before is kept."""
        name = result.known.name if result.known else ""
        before = self._opened.get(name)
        self._count += 1
        recent = Recent(str(self._count), result, at, before.said if before else {})
        view = recent.view(self._desk)
        self._last = [recent, *(r for r in self._last if not name or _name(r) != name or r.acted)][:LAST]
        if name:
            self._opened.pop(name, None)
            if _is_open(view):
                self._opened = dict([(name, recent), *self._opened.items()][:OPENED])
        return recent, view

    def acted(self, recent: Recent, acted: Acted) -> None:
        """It was handed over: it is not open any more."""
        recent.acted = acted
        self._opened.pop(_name(recent), None)

    def undone(self, acted: Acted) -> Recent | None:
        """It was taken back; the entry if it is among the last."""
        for recent in self._last:
            if recent.acted is acted:
                recent.acted = None
                return recent
        return None

    def find(self, key: str) -> Recent | None:
        """The entry of a row."""
        return next((r for r in (*self._last, *self._opened.values()) if r.key == key), None)

    def refresh(self) -> None:
        """Read again what changed, and drop from the open ones what is settled elsewhere."""
        shown = {r.key: r for r in (*self._last, *self._opened.values())}
        marks = self._desk.queues.marks({name for r in shown.values() if (name := _name(r))})
        for recent in shown.values():
            if _name(recent) and recent.mark != marks[_name(recent)]:
                self.read(recent)
                recent.mark = marks[_name(recent)]
        self._opened = {
            name: recent for name, recent in self._opened.items() if _is_open(recent.view(self._desk))
        }

    def read(self, recent: Recent, names: Collection[str] = EVERYTHING) -> None:
        """Read one of them again, where it is of these subjects."""
        name = _name(recent)
        if name and not {name, sale_of(name), *EVERYTHING}.isdisjoint(names):
            result = self._desk.scanning.again(recent.result)
            recent.known = result.known
            if recent.acted is None:
                recent.result = result

    def last_rows(self) -> list[Row]:
        """The last results as rows."""
        return [self._row(recent) for recent in self._last]

    def opened_rows(self) -> list[Row]:
        """The open ones as rows."""
        return [self._row(recent) for recent in self._opened.values()]

    def _row(self, recent: Recent) -> Row:
        view = recent.view(self._desk)
        title = view.name or view.code
        detail = " · ".join(p for p in (view.headline, view.code if view.name else "") if p)
        return Row(
            id=recent.key,
            title=title or view.headline,
            detail=detail if title else "",
            end=recent.at,
            tone=view.tone,
            icon=view.icon,
            spoken=", ".join(p for p in (view.headline, view.name, view.code, recent.at) if p),
        )


def _name(recent: Recent) -> str:
    return recent.result.known.name if recent.result.known else ""


def _is_open(view: CardView) -> bool:
    """Whether goods could leave on this card."""
    return view.tone in (Tone.GREEN, Tone.AMBER) and bool(view.primary or view.secondary)
