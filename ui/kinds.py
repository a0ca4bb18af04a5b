"""The register of kinds of work: one line makes a kind appear on every screen."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posapp.counter.scanning import Result
    from ui.presenter import Presenter, Said
    from ui.view import CardView


@cache
def presenters() -> dict[str, Presenter]:
    """Every kind's words, loaded with the first result or list: the first paint needs none of them."""
    from ui.order_view import OrderPresenter
    from ui.ticket_view import TicketPresenter

    return {"order": OrderPresenter(), "ticket": TicketPresenter()}


def presenter(result: Result) -> Presenter | None:
    """Whose subject the result shows; None for a scan that led to none."""
    return presenters()[result.known.kind] if result.known is not None else None


def card(result: Result, said: Said) -> CardView:
    """The card of any result."""
    from ui import verdicts

    found = presenter(result)
    return found.card(result, said) if found else verdicts.card(result)
