"""Papers as values: what stands on a slip, and how its printing went.

A `Slip` says words, codes, rules and cuts in the order in which they are read, and how wide its paper
is. It knows no printer: receipt printers print it line by line, labels and PDF draw what
`posapp.domain.slips_layout` makes of it. Words are already in the reader's language. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

RECEIPT_MM = 80.0
LABEL_MM = (62.0, 38.0)
"""Width and height of a bin label or bag tag; fits the common rolls of 62 mm."""
PARCEL_LABEL_MM = (100.0, 70.0)
A4_MM = (210.0, 297.0)


class Paper(StrEnum):
    """The papers of a counter."""

    HAND_OVER = "hand-over"
    CLAIM_TICKET = "claim-ticket"
    BIN_LABEL = "bin-label"
    PARCEL_LABEL = "parcel-label"
    BAG_TAG = "bag-tag"
    COUNTER_MAT = "counter-mat"
    DOCTOR_SHEET = "doctor-sheet"
    TEST = "test"


LABELS = frozenset({Paper.BIN_LABEL, Paper.PARCEL_LABEL, Paper.BAG_TAG})
"""What is printed by the label printer where there is one."""


class Align(StrEnum):
    """Where a line stands."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


class Symbology(StrEnum):
    """How a code is drawn. `GS1_128` is a Code 128 that begins with FNC1 and parts its fields by GS."""

    QR = "qr"
    CODE128 = "code128"
    GS1_128 = "gs1-128"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph. ``size`` 1 to 4 multiplies the letters' height; ``most`` lines, 0 for all it takes."""

    words: str
    size: int = 1
    bold: bool = False
    align: Align = Align.LEFT
    most: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """What stands left and right on one line; the left side wraps where it is long."""

    left: str
    right: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A code to be scanned; ``caption`` is what people read below it. ``scale`` 1 to 3 enlarges it."""

    content: str
    symbology: Symbology = Symbology.QR
    caption: str = ""
    scale: int = 1
    align: Align = Align.CENTER


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Space:
    """Empty lines."""

    lines: float = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """The paper is cut here, or a new page begins."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells side by side, as wide as their ``shares`` say (all alike if left out).

    A receipt printer, whose paper is narrow, prints them one after the other.
    """

    cells: tuple[tuple[Text | Pair | Code | Rule | Space, ...], ...]
    shares: tuple[float, ...] = ()


Item = Text | Pair | Code | Rule | Space | Cut | Columns


@dataclass(frozen=True, slots=True)
class Slip:
    """One paper. ``height_mm`` 0 is a roll: as long as it takes. ``letters_mm`` is the height of
    letters of size 1 where it is drawn, ``margin_mm`` what stays white around it.

    ``about`` names its subject (``order:W-1001``) and ``ref`` the fact it tells of, so that it can be
    made again; neither holds anything about a person.
    """

    paper: Paper
    title: str
    items: tuple[Item, ...]
    width_mm: float = RECEIPT_MM
    height_mm: float = 0.0
    letters_mm: float = 3.4
    margin_mm: float = 4.0
    about: str = ""
    ref: str = ""

    def codes(self) -> tuple[Code, ...]:
        """Every code on it, in the order of reading."""
        found: list[Code] = []
        for item in self.items:
            cells = item.cells if isinstance(item, Columns) else ((item,),)
            found += [part for cell in cells for part in cell if isinstance(part, Code)]
        return tuple(found)

    def words(self) -> tuple[str, ...]:
        """Everything written on it but the codes' captions, in the order of reading."""
        found: list[str] = []
        for item in self.items:
            for cell in item.cells if isinstance(item, Columns) else ((item,),):
                for part in cell:
                    if isinstance(part, Text):
                        found.append(part.words)
                    elif isinstance(part, Pair):
                        found += [part.left, part.right]
        return tuple(found)

    def marked(self, words: str) -> Slip:
        """The same slip with a line on top that says what it is: a copy."""
        return replace(self, items=(Text(words, bold=True, align=Align.CENTER), *self.items))


class Outcome(StrEnum):
    """How a job stands.

    ``REFUSED``: nothing was sent, so it can be printed as if for the first time. ``UNSURE``: bytes were
    sent and nobody can say what came out; only a person decides what happens next. ``SENT``: handed to a
    connection that never answers (a system's print queue).
    """

    WAITING = "waiting"
    PRINTED = "printed"
    SENT = "sent"
    REFUSED = "refused"
    UNSURE = "unsure"
    SETTLED = "settled"


OPEN = frozenset({Outcome.WAITING, Outcome.REFUSED, Outcome.UNSURE})
"""What a clerk has still to look at."""


class Trouble(StrEnum):
    """Why a printer cannot print, as the key of a sentence (`posapp.texts.sentence`)."""

    PAPER_OUT = "printer-paper-out"
    COVER_OPEN = "printer-cover-open"
    OFFLINE = "printer-offline"
    FAULT = "printer-fault"
    SILENT = "printer-silent"  # connected, and it does not answer
    UNREACHABLE = "printer-unreachable"  # no connection
    LOST = "printer-lost"  # the connection ended in the middle
    RESTARTED = "printer-restarted"  # posapp ended in the middle
    UNFIT = "printer-unfit"  # this paper cannot be put into this printer's bytes


@dataclass(frozen=True, slots=True)
class PrinterState:
    """How a printer stands; ``trouble`` is None where it can print. ``paper_low``: a new roll soon."""

    name: str
    trouble: Trouble | None = None
    paper_low: bool = False


@dataclass(frozen=True, slots=True)
class PrintJob:
    """One slip on its way. ``about`` and ``ref`` are the slip's; ``copy`` tells it was marked as one."""

    id: str
    paper: Paper
    outcome: Outcome
    trouble: Trouble | None = None
    about: str = ""
    ref: str = ""
    copy: bool = False
