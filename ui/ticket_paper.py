"""The claim ticket: the customer's half of a service ticket, as a PDF of receipt width."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt

from posapp.domain.codes import display
from posapp.domain.tickets import Job, Ticket
from posapp.texts import _, day
from ui.paper import Page, on_paper
from ui.ticket_view import JOBS

WIDTH_MM, HEIGHT_MM = 80.0, 150.0


def claim_ticket(ticket: Ticket, store: str, path: Path) -> None:
    """Write the claim ticket of ``ticket`` to ``path``. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def draw(page: Page) -> None:
        center = Qt.AlignmentFlag.AlignHCenter
        top = 6.0
        top += page.text((5, top, 70, 12), store, size=4.5, bold=True, align=center) + 1
        top += page.text((5, top, 70, 8), _("Claim ticket"), size=4, align=center) + 2
        page.qr(25, top, 30, ticket.id)
        page.text((5, top + 30, 70, 7), display(ticket.id), size=4.5, code=True, align=center)
        top += 40
        page.line(5, top, 70)
        top += 3
        rows = (
            (_("Customer"), ticket.customer),
            (_(JOBS[ticket.job]), ticket.object),
            (_("Asked for"), ticket.wish),
            (_("Promised for"), day(ticket.promised) if ticket.promised else ""),
            (_("Taken in"), day(ticket.opened_at)),
            (_("Bag"), display(ticket.bag)),
        )
        for label, value in rows:
            if value:
                page.text((5, top, 24, 6), label, size=3)
                top += page.text((29, top, 46, 24), value, size=3.4, bold=True) + 1.5
        page.line(5, top + 1, 70)
        note = _("Please bring this ticket with you. Your object is handed back against it.")
        top += 3 + page.text((5, top + 3, 70, 20), note, size=3)
        if ticket.job is Job.BATTERY:
            law = _("Old batteries do not belong in the household waste. We take them back free of charge.")
            page.text((5, top + 2, 70, 20), law, size=3)

    on_paper(path, _("Claim ticket"), draw, (WIDTH_MM, HEIGHT_MM))
