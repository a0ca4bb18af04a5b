"""Every paper is printed and read back; a printer's trouble costs no slip and prints none twice."""

import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pypdfium2

from drivers.label_printer import open_label_printer
from drivers.receipt_bytes import encode, plain
from drivers.receipt_printer import EscPosPrinter
from posapp import papers, texts
from posapp.domain.errors import Unavailable
from posapp.domain.slips import LABELS, Outcome, Pair, Slip, Trouble
from tests.kit.papers import every
from tests.peers.printer import emupos
from tests.peers.printer.escpos import EscPosPeer
from tests.peers.printer.labels import BrotherPeer, ZebraPeer
from tests.peers.printer.picture import read_codes, render
from tests.peers.printer.wire import TcpCable, wait_pulled

CLAIM = (
    "Every paper printed to a byte-level peer and to PDF decodes back, text with umlauts and euro sign exact, "
    "every code read by zxing-cpp; paper out, cover open and a cable pulled mid-slip lose no slip, print none "
    "twice and are told in the right sentence."
)
SENTENCES = {
    Trouble.PAPER_OUT: "paper",
    Trouble.COVER_OPEN: "cover",
    Trouble.OFFLINE: "not ready",
    Trouble.LOST: "broke off",
}
SEED = 13


class Wrong(AssertionError):
    """Something came out other than it was sent."""


def nothing() -> None:
    """Sending begins."""


def same(what: str, found: object, wanted: object) -> None:
    """Raises Wrong where they differ."""
    if found != wanted:
        raise Wrong(f"{what}: {found!r} instead of {wanted!r}")


def squeezed(words: str) -> str:
    """Without spaces and line breaks, which wrapping may move."""
    return "".join(words.split())


def wanted_codes(slip: Slip) -> list[tuple[str, str]]:
    """What a scanner is to read on it."""
    return sorted((code.symbology.value, code.content) for code in slip.codes())


def holds_words(slip: Slip, found: str, wanted: Iterable[str]) -> int:
    """Checks that every paragraph is there, letter by letter; how many letters that were."""
    # What stands right of a long paragraph is at the end of its first line, in the middle of its letters.
    alone = found
    for item in slip.items:
        if isinstance(item, Pair):
            alone = re.sub(rf"[ \r\n]+{re.escape(plain(item.right))}\r?$", "", alone, flags=re.MULTILINE)
    letters, others = squeezed(found), squeezed(alone)
    count = 0
    for words in wanted:
        if squeezed(words) not in letters and squeezed(words) not in others:
            raise Wrong(f"{slip.paper}: {words!r} is not in {found!r}")
        count += len(squeezed(words))
    return count


def on_receipts(slips: list[Slip], tally: Counter[str]) -> None:
    """Every paper by the receipt printer, as text."""
    peer = EscPosPeer()
    with TcpCable(peer) as cable:
        printer = EscPosPrinter(cable.url)
        for slip in slips:
            same(f"{slip.paper}", printer.print_slip(slip, nothing).outcome, Outcome.PRINTED)
            receipt = peer.receipts.pop()
            codes = sorted(read_codes(render(receipt)))
            same(f"codes of {slip.paper}", codes, wanted_codes(slip))
            # What is printed as a picture, because the page has not got its letters, is not text.
            lines = (words for words in map(plain, slip.words()) if _in_page(words))
            tally["letters"] += holds_words(slip, receipt.text, lines)
            tally["codes"] += len(codes)
            tally["papers"] += 1
    same("commands that the peer does not know", peer.unknown, [])


def _in_page(words: str) -> bool:
    return not set(words) & set("Łřőž") and "Ő" not in words


def on_labels(slips: list[Slip], tally: Counter[str]) -> None:
    """Every label by every kind of label printer."""
    kinds: list[tuple[str, ZebraPeer | BrotherPeer | EscPosPeer]] = [
        ("zpl", ZebraPeer()),
        ("brother", BrotherPeer()),
        ("escpos", EscPosPeer()),
    ]
    for kind, peer in kinds:
        with TcpCable(peer) as cable:
            printer = open_label_printer(f"{cable.url}?kind={kind}")
            for slip in slips:
                if slip.paper not in LABELS:
                    continue
                same(f"{kind} {slip.paper}", printer.print_slip(slip, nothing).outcome, Outcome.PRINTED)
                picture = (
                    render(peer.receipts.pop())
                    if isinstance(peer, EscPosPeer)
                    else peer.labels.pop().convert("L")
                )
                same(f"{kind} codes of {slip.paper}", read_codes(picture), wanted_codes(slip))
                tally["codes"] += len(slip.codes())
                tally["papers"] += 1
        same(f"{kind}: commands that the peer does not know", peer.unknown, [])


def as_pdf(slips: list[Slip], tally: Counter[str]) -> None:
    """Every paper as PDF: words by the file's own text, codes by its picture."""
    from ui.paper import slip_pdf

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "paper.pdf"
        for slip in slips:
            slip_pdf(slip, path)
            document = pypdfium2.PdfDocument(path)
            found, codes = "", []
            for page in document:
                found += page.get_textpage().get_text_bounded()
                codes += read_codes(page.render(scale=4).to_pil().convert("L"))
            document.close()
            tally["letters"] += holds_words(slip, found, slip.words())
            same(f"PDF codes of {slip.paper}", sorted(codes), wanted_codes(slip))
            tally["codes"] += len(codes)
            tally["papers"] += 1


def through_trouble(slip: Slip, step: int, tally: Counter[str]) -> None:
    """Paper, cover, cable: before the slip and at every ``step``-th byte of it."""
    size = len(encode(slip))
    for fault, trouble in (
        ("paper-out", Trouble.PAPER_OUT),
        ("cover-open", Trouble.COVER_OPEN),
        ("offline", Trouble.OFFLINE),
    ):
        for kind in ("before", "middle"):
            peer = EscPosPeer()
            with TcpCable(peer) as cable:
                _one_fault(peer, EscPosPrinter(cable.url), slip, (fault, trouble, kind))
            tally["troubles"] += 1
    questions = 9
    for taken in range(1, size, step):
        peer = EscPosPeer()
        with TcpCable(peer) as cable:
            printer = EscPosPrinter(cable.url)
            cable.pull_after = questions + taken
            printed = printer.print_slip(slip, nothing)
            same(
                f"cable pulled at byte {taken}",
                (printed.outcome, printed.trouble),
                (Outcome.UNSURE, Trouble.LOST),
            )
            _told(printed.trouble)
            wait_pulled(cable)
            cable.plug()
            copy = papers.copy_of(slip)
            same("the copy after it", printer.print_slip(copy, nothing).outcome, Outcome.PRINTED)
            whole = [paper for paper in peer.receipts if read_codes(render(paper)) == wanted_codes(slip)]
            originals = [paper for paper in whole if "COPY" not in paper.text]
            if len(whole) - len(originals) != 1 or len(originals) > 1:
                raise Wrong(
                    f"cut at {taken}: {len(originals)} originals, {len(whole) - len(originals)} copies"
                )
        tally["troubles"] += 1


def _one_fault(peer: EscPosPeer, printer: EscPosPrinter, slip: Slip, case: tuple[str, Trouble, str]) -> None:
    fault, trouble, kind = case
    if kind == "before":
        peer.fault(fault)
        outcome = Outcome.REFUSED
    else:
        peer.fault_after(fault, 4)
        outcome = Outcome.UNSURE
    printed = printer.print_slip(slip, nothing)
    same(f"{fault} {kind}", (printed.outcome, printed.trouble), (outcome, trouble))
    _told(printed.trouble)
    peer.mend(fault)
    same(f"{fault} mended", printer.state().trouble, None)
    same(f"{fault} {kind}: slips that came by themselves", len(peer.papers()), int(kind == "middle"))
    if kind == "before":
        same("printed when asked to", printer.print_slip(slip, nothing).outcome, Outcome.PRINTED)
        same("slips", len(peer.papers()), 1)


def _told(trouble: Trouble | None) -> None:
    assert trouble is not None
    said = texts.sentence(Unavailable(trouble))
    if SENTENCES[trouble] not in said:
        raise Wrong(f"{trouble} is told as {said!r}")


def at_emupos(slips: list[Slip]) -> str:
    """The same at a simulator that other people wrote."""
    try:
        with tempfile.TemporaryDirectory() as name, emupos.running(Path(name)) as peer:
            printer = EscPosPrinter(peer.url)
            for slip in slips:
                same(f"emupos {slip.paper}", printer.print_slip(slip, nothing).outcome, Outcome.PRINTED)
                # It joins several paragraphs of one line and shows codes in brackets.
                same(
                    f"emupos codes of {slip.paper}",
                    _unique(read_codes(peer.picture())),
                    _unique(wanted_codes(slip)),
                )
                lines = (words for words in map(plain, slip.words()) if _in_page(words))
                holds_words(slip, peer.text(), lines)
            for fault, trouble in (
                ("paper-out", Trouble.PAPER_OUT),
                ("cover-open", Trouble.COVER_OPEN),
                ("offline", Trouble.OFFLINE),
            ):
                peer.fault(fault)
                same(f"emupos {fault}", printer.print_slip(slips[0], nothing).trouble, trouble)
                peer.fault(fault, on=False)
            same("emupos: not understood", peer.unknown(), [])
            return f"emupos {emupos.VERSION}: {peer.receipts()} receipts, nothing unknown"
    except emupos.NotThere as error:
        return f"emupos not run: {error}"


def _unique(codes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(set(codes))


def run(long: bool) -> tuple[bool, str]:
    """Random papers, all ways; bounded 12 sets and a cable pulled at every 40th byte, long 300 and every."""
    dice = random.Random(SEED)
    tally: Counter[str] = Counter()
    texts.use("en")
    sets = 300 if long else 12
    ways: tuple[Callable[[list[Slip], Counter[str]], None], ...] = (on_receipts, on_labels, as_pdf)
    for _ in range(sets):
        slips = every(dice)
        for way in ways:
            way(slips, tally)
    slips = every(dice)
    through_trouble(slips[0], 1 if long else 40, tally)
    other = at_emupos(slips)
    return True, (
        f"{tally['papers']} papers, {tally['letters']} letters and {tally['codes']} codes read back, all exact; "
        f"{tally['troubles']} troubles, 0 slips lost, 0 twice, each in its sentence; {other}"
    )
