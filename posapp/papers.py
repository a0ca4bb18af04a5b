"""The papers of the counter in words: builders that make a `Slip` in the language in use.

Pure but for the language. A hand-over slip names the order and its goods, never the customer: it lies
about in cars and bins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from posapp.domain.codes import Prefix, display, is_code, make
from posapp.domain.goods import HandOver
from posapp.domain.orders import Order
from posapp.domain.slips import (
    A4_MM,
    LABEL_MM,
    PARCEL_LABEL_MM,
    Align,
    Code,
    Columns,
    Cut,
    Item,
    Pair,
    Paper,
    Rule,
    Slip,
    Space,
    Symbology,
    Text,
)
from posapp.domain.tickets import Job, Ticket
from posapp.texts import N_, _, clock, day

MAT_COLUMNS = 3

TITLES: Mapping[Paper, str] = {
    Paper.HAND_OVER: N_("Slip of a hand-over"),
    Paper.CLAIM_TICKET: N_("Claim ticket"),
    Paper.BIN_LABEL: N_("Bin label"),
    Paper.PARCEL_LABEL: N_("Parcel label"),
    Paper.BAG_TAG: N_("Bag tag"),
    Paper.COUNTER_MAT: N_("Counter mat"),
    Paper.DOCTOR_SHEET: N_("Scanner sheet"),
    Paper.TEST: N_("Test slip"),
}


def hand_over(order: Order, done: HandOver, *, store: str, clerk: str, till: str) -> Slip:
    """What the customer takes home: which goods left, when, from whom."""
    lines = {line.id: line for line in order.lines}
    goods: list[Item] = [
        Pair(lines[ident].title if ident in lines else ident, f"{count} x") for ident, count in done.lines
    ]
    left = sum(order.open_lines().values())
    rest: list[Item] = [Rule(), Text(_("Still to come: {count} pieces").format(count=left))] if left else []
    return Slip(
        Paper.HAND_OVER,
        _("Slip of a hand-over"),
        (
            Text(store, 2, bold=True, align=Align.CENTER),
            Space(),
            Text(_("Handed over"), bold=True, align=Align.CENTER),
            Pair(_("Order"), order.number, bold=True),
            Pair(day(done.at), clock(done.at)),
            Rule(),
            *goods,
            *rest,
            Rule(),
            Pair(_("Clerk"), clerk),
            Pair(_("Till"), till),
            Space(),
            Code(order.number, caption=order.number),
            Space(),
            Text(_("Thank you for your visit."), align=Align.CENTER),
        ),
        about=f"order:{order.number}",
        ref=done.ref,
    )


def claim_ticket(ticket: Ticket, *, store: str, job: str) -> Slip:
    """The customer's half of a service ticket; ``job`` is the work in words. It carries the customer's
    name, for it is the customer's own paper.
    """
    rows = (
        (_("Customer"), ticket.customer),
        (job, ticket.object),
        (_("Asked for"), ticket.wish),
        (_("Promised for"), day(ticket.promised) if ticket.promised else ""),
        (_("Taken in"), day(ticket.opened_at)),
        (_("Bag"), display(ticket.bag)),
    )
    law = _("Old batteries do not belong in the household waste. We take them back free of charge.")
    return Slip(
        Paper.CLAIM_TICKET,
        _("Claim ticket"),
        (
            Text(store, 2, bold=True, align=Align.CENTER),
            Text(_("Claim ticket"), bold=True, align=Align.CENTER),
            Space(0.5),
            Code(ticket.id, caption=display(ticket.id), scale=2),
            Rule(),
            *(Pair(label, value) for label, value in rows if value),
            Rule(),
            Text(_("Please bring this ticket with you. Your object is handed back against it.")),
            *((Space(0.5), Text(law)) if ticket.job is Job.BATTERY else ()),
        ),
        about=f"ticket:{ticket.id}",
    )


def bin_label(name: str, *, store: str = "") -> Slip:
    """A shelf's label: its name to be read from two metres, and the same as a code to be scanned."""
    return Slip(
        Paper.BIN_LABEL,
        _("Bin label"),
        (
            Columns(
                (
                    (Code(name, align=Align.LEFT, scale=2),),
                    (Text(name, 3, bold=True, most=2), Text(store, most=2)),
                ),
                (1.4, 1),
            ),
        ),
        *LABEL_MM,
        letters_mm=3.0,
        margin_mm=2.0,
    )


def parcel_label(number: str, label: str, *, bin_name: str = "", count: str = "", store: str = "") -> Slip:
    """A parcel's own label, for goods that came without one: order, bin, ``1/2``; no person's name."""
    return Slip(
        Paper.PARCEL_LABEL,
        _("Parcel label"),
        (
            Pair(store, count),
            Columns(
                (
                    (Text(number, 2, bold=True, most=1), Text(bin_name, 3, bold=True, most=1)),
                    (Code(label, scale=1, align=Align.RIGHT),),
                ),
                (2, 1),
            ),
            Code(label, Symbology.CODE128, caption=label, scale=2),
        ),
        *PARCEL_LABEL_MM,
        about=f"order:{number}",
    )


def bag_tag(code: str, *, thing: str = "", promised: datetime | None = None, about: str = "") -> Slip:
    """The shop's half of a service ticket, at the bag that the object lies in."""
    return Slip(
        Paper.BAG_TAG,
        _("Bag tag"),
        (
            Columns(
                (
                    (Code(code, align=Align.LEFT, scale=2),),
                    (
                        Text(_shown(code), 1, bold=True),
                        Text(thing, most=3),
                        Text(_("Ready on {day}").format(day=day(promised)) if promised else "", bold=True),
                    ),
                ),
                (1.4, 1),
            ),
        ),
        *LABEL_MM,
        letters_mm=2.6,
        margin_mm=2.0,
        about=about,
    )


def counter_mat(commands: Sequence[tuple[str, str]], *, store: str) -> Slip:
    """A sheet beside the scanner: (word, code) of what can be done by scanning alone."""
    cells = [
        (Code(code, scale=3), Text(word, 2, bold=True, align=Align.CENTER), Space())
        for word, code in commands
    ]
    return Slip(
        Paper.COUNTER_MAT,
        _("Counter mat"),
        (
            Text(store, 2, bold=True, align=Align.CENTER),
            Text(_("Scan instead of typing"), align=Align.CENTER),
            Space(),
            *_grid(cells),
        ),
        *A4_MM,
        letters_mm=4.0,
        margin_mm=12.0,
    )


def doctor_sheet(steps: Sequence[tuple[str, Sequence[tuple[Symbology, str]]]]) -> Slip:
    """The scanner doctor's sheet: what to do, then the codes to be scanned for it, step by step."""
    items: list[Item] = [Text(_("Scanner sheet"), 2, bold=True), Space(0.5)]
    for number, (words, codes) in enumerate(steps, start=1):
        items += [Rule(), Text(f"{number}.  {words}", bold=True), Space(0.5)]
        for symbology, content in codes:
            items += [Code(content, symbology, scale=2), Space()]
    return Slip(Paper.DOCTOR_SHEET, _("Scanner sheet"), tuple(items), *A4_MM, letters_mm=4.0, margin_mm=12.0)


def trial(store: str) -> Slip:
    """What shows that a printer is set up right: letters, codes, cut."""
    code = make(Prefix.PICKUP, "22222222")
    return Slip(
        Paper.TEST,
        _("Test slip"),
        (
            Text(store, 2, bold=True, align=Align.CENTER),
            Text("Ä Ö Ü ä ö ü ß € § °"),
            Text("Łukasz Dvořák Őrsi"),
            Pair(_("left"), _("right")),
            Rule(),
            Code(code, caption=display(code)),
            Code(code, Symbology.CODE128),
            Cut(),
        ),
    )


def trial_label(store: str) -> Slip:
    """What shows that a label printer is set up right."""
    return bin_label(_("TEST"), store=store)


def copy_of(slip: Slip) -> Slip:
    """The slip marked as a copy, for one that may have been printed before."""
    return slip.marked(_("*** COPY ***"))


def _grid(cells: Sequence[tuple[Code | Text | Space, ...]]) -> list[Item]:
    rows: list[Item] = []
    for start in range(0, len(cells), MAT_COLUMNS):
        row = tuple(cells[start : start + MAT_COLUMNS])
        rows.append(Columns(row + ((),) * (MAT_COLUMNS - len(row))))
    return rows


def _shown(code: str) -> str:
    return display(code) if is_code(code) else code
