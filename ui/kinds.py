"""The register of kinds of work: one line makes a kind appear on every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui import verdicts
from ui.order_view import OrderPresenter
from ui.ticket_view import TicketPresenter

if TYPE_CHECKING:
    from posapp.counter.scanning import Result
    from ui.presenter import Presenter, Said
    from ui.view import CardView

PRESENTERS: dict[str, Presenter] = {"order": OrderPresenter(), "ticket": TicketPresenter()}


def presenter(result: Result) -> Presenter | None:
    """Whose subject the result shows; None for a scan that led to none."""
    return PRESENTERS[result.known.kind] if result.known is not None else None


def card(result: Result, said: Said) -> CardView:
    """The card of any result."""
    found = presenter(result)
    return found.card(result, said) if found else verdicts.card(result)
