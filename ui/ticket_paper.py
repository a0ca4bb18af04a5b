"""The claim ticket: the customer's half of a service ticket, as a PDF of receipt width."""

from __future__ import annotations

from pathlib import Path

from posapp import papers
from posapp.domain.tickets import Ticket
from posapp.texts import _
from ui.paper import slip_pdf
from ui.ticket_view import JOBS


def claim_ticket(ticket: Ticket, store: str, path: Path) -> None:
    """Write the claim ticket of ``ticket`` to ``path``. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    slip_pdf(papers.claim_ticket(ticket, store=store, job=_(JOBS[ticket.job])), path)
