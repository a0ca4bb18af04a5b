"""The counter mat on paper: this store's commands, to be laid beside the scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.domain.mat import Command
from posapp.texts import N_, _

if TYPE_CHECKING:
    from pathlib import Path

    from posapp.counter.desk import Desk

WORDS = {
    Command.OK: N_("OK"),
    Command.BACK: N_("Back"),
    Command.UNDO: N_("Undo"),
    Command.LOCK: N_("Lock"),
    Command.RECEIPT: N_("Receipt"),
}


def write(desk: Desk) -> Path:
    """Write the mat as PDF, A4, into the till's folder: where it lies. Raises OSError."""
    from posapp import papers
    from ui.paper import slip_pdf

    path = desk.till.books.folder / "papers" / "counter-mat.pdf"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    commands = [(_(WORDS[command]), code) for command, code in desk.scanning.mat().items()]
    slip_pdf(papers.counter_mat(commands, store=desk.till.store_name), path)
    return path
