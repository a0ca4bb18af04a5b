"""What GS1 writes into codes: product numbers, parcel numbers (SSCC), lots, serials, dates.

Hides `biip` and its traps: digits that are a good GTIN are never an element string, six digits never a
GTIN, a wrong check makes a message unreadable, a message whose separators were lost is told and not
guessed, and an address is only taken apart where its domain is one of our own. Nothing is ever opened.

Pure. `biip` is imported with the first message that needs it. Nothing here raises.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from typing import Any

GS = "\x1d"
"""FNC1 between two elements, as scanners send it."""

MAX_MESSAGE = 512
"""Longest message or address that is looked at; a label holds less than a hundred characters."""

_GTIN_LENGTHS = (8, 12, 13, 14)
_EAN_13 = 13
_SSCC = 18
# GS1-128, DataBar, GS1 Data Matrix, GS1 QR, GS1 DotCode (ISO/IEC 15424): FNC1 stood in front.
_AIM = ("]C1", "]e0", "]d2", "]Q3", "]J1")
# Without an AIM id only what begins with a number that carries a check digit is taken for a message.
_FIRST = {"00": _SSCC, "01": 14, "02": 14}
# As our own labels print it below the bars, and as it may be typed from there.
_PRINTED = re.compile(r"(?:\((?:00|01|10|17|21)\)[^()]+)+")
_ELEMENT = re.compile(r"\((\d\d)\)([^()]+)")
_ADDRESS = re.compile(r"(?i)https?://([^/?#]*)(.*)")


class Wrong(StrEnum):
    """Why a message cannot be used."""

    CHECK_DIGIT = "check_digit"
    SEPARATORS_LOST = "separators_lost"
    ADDRESS = "address"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Elements:
    """A message taken apart; ``pairs`` are all its elements in order, application identifier first."""

    pairs: tuple[tuple[str, str], ...]

    @property
    def gtin(self) -> str:
        """The product's number as a GTIN-14; empty where there is none."""
        return self.get("01") or self.get("02")

    @property
    def sscc(self) -> str:
        """The parcel's own number, 18 digits."""
        return self.get("00")

    @property
    def lot(self) -> str:
        """The lot or batch."""
        return self.get("10")

    @property
    def serial(self) -> str:
        """The serial number."""
        return self.get("21")

    def get(self, identifier: str) -> str:
        """The element with this application identifier, empty where there is none."""
        return next((value for found, value in self.pairs if found == identifier), "")


def has_check(digits: str) -> bool:
    """Whether the last digit is the check of the others (GS1 General Specifications, 7.9.1)."""
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def gtin14(digits: str) -> str | None:
    """GTIN-8, -12, -13 or -14 as a GTIN-14; None for a wrong check digit, and for nothing but zeros."""
    if len(digits) not in _GTIN_LENGTHS or not _is_digits(digits):
        return None
    return digits.zfill(14) if has_check(digits) and digits.strip("0") else None


def is_misread_gtin(digits: str, aim: str, typed: bool) -> bool:
    """Whether digits with a wrong check were meant as a GTIN.

    12 and 14 digits are also parcel labels with a check of their own and 8 an order number, so
    without a retail AIM id only a scanned 13 is sure enough.
    """
    if not _is_digits(digits) or len(digits) not in _GTIN_LENGTHS:
        return False
    if aim.startswith("]E"):
        return True
    return len(digits) == _EAN_13 and not aim and not typed


def read_elements(text: str, aim: str = "", domains: frozenset[str] = frozenset()) -> Elements | Wrong | None:
    """Take a GS1 message apart; None for a text that is none.

    ``domains`` are the hosts whose GS1 Digital Links are ours; every other address is `Wrong.ADDRESS`.
    Without an AIM id and without a separator a message is only taken where each of its elements has a
    length of its own: else a lot may hold what was the next element.
    """
    if len(text) > MAX_MESSAGE:
        return None
    address = _ADDRESS.fullmatch(text)
    if address:
        return _read_link(text, address.group(1), domains)
    if _PRINTED.fullmatch(text):
        text = GS.join(f"{found}{value.strip()}" for found, value in _ELEMENT.findall(text)) + GS
        return _parse(text.replace(" ", ""), sure=True)
    sure = aim in _AIM or GS in text
    return _parse(text.lstrip(GS), sure=sure) if sure or _begins(text) else None


def parcel_label(text: str) -> str:
    """A parcel's number as its carrier prints it, canonical; empty for a text that is none.

    SSCC (18 digits, with or without their 00), UPU S10 (``RR123456785DE``), UPS (``1Z...``), and the
    licence plates of ISO/IEC 15459 that German carriers use (``JJD...``, ``JVGL...``).
    """
    plain = text.replace(" ", "").upper()
    if _is_digits(plain) and len(plain) in (_SSCC, _SSCC + 2):
        number = plain.removeprefix("00") if len(plain) > _SSCC else plain
        return number if len(number) == _SSCC and has_check(number) and number.strip("0") else ""
    if re.fullmatch(r"[A-Z]{2}\d{9}[A-Z]{2}", plain, re.ASCII):
        return plain if _s10_check(plain[2:10]) == int(plain[10]) else ""
    if re.fullmatch(r"1Z[0-9A-Z]{15}\d", plain, re.ASCII):
        return plain if _ups_check(plain[2:17]) == int(plain[17]) else ""
    return plain if re.fullmatch(r"(?:JJD|JVGL)\d{12,24}", plain, re.ASCII) else ""


def warm_up(after_s: float = 2.0) -> None:
    """Load what the first message needs, 0.1 s of tables, so that no clerk waits for it.

    For a thread beside the window's. One of the tables is 5 MB of JSON, and reading it in one go would
    keep the interpreter from the window for 60 ms: here others have their turn between two objects.
    """
    import gc
    import json
    import threading
    import time

    whole, mine = json.loads, threading.get_ident()

    def in_turns(text: str | bytes, **how: Any) -> Any:
        return whole(text, **(how if threading.get_ident() != mine else {"object_hook": _as_it_is} | how))

    # The rest of the start comes first.
    time.sleep(after_s)
    json.loads = in_turns  # type: ignore[assignment]  # the same for all callers that we know
    # So many new objects make Python look through all there are, 40 ms in which the window waits.
    looks = gc.isenabled()
    gc.disable()
    try:
        import biip.gs1_messages  # noqa: F401  # loading is the point
    finally:
        json.loads = whole
        # Tables for good: nobody needs to look through them for what could be thrown away.
        gc.freeze()
        if looks:
            gc.enable()


def _as_it_is(found: dict[str, Any]) -> dict[str, Any]:
    return found


def _begins(text: str) -> bool:
    """Whether it begins as a message without an AIM id must: with a number that proves itself."""
    length = _FIRST.get(text[:2])
    number = text[2 : 2 + length] if length else ""
    return bool(length) and len(number) == length and _is_digits(number) and has_check(number)


def _parse(text: str, *, sure: bool) -> Elements | Wrong | None:
    """``sure``: it is a message, and its separators are there."""
    from biip import ParseError
    from biip.gs1_messages import GS1Message

    try:
        found = GS1Message.parse(text).element_strings
    except ParseError:
        return Wrong.UNREADABLE if sure else None
    except Exception:
        # Whatever a hostile code makes a library do, it is no message.
        return Wrong.UNREADABLE
    if not found:
        return None
    if not sure and any(element.ai.separator_required for element in found):
        return Wrong.SEPARATORS_LOST
    return _checked(tuple((element.ai.ai, element.value) for element in found))


def _read_link(text: str, host: str, domains: frozenset[str]) -> Elements | Wrong:
    if host.lower() not in domains:
        return Wrong.ADDRESS
    from biip.gs1_digital_link_uris import GS1DigitalLinkURI

    try:
        found = GS1DigitalLinkURI.parse(text).element_strings
    except Exception:
        return Wrong.ADDRESS
    return _checked(tuple((element.ai.ai, element.value) for element in found))


def _checked(pairs: tuple[tuple[str, str], ...]) -> Elements | Wrong:
    # biip keeps an element whose check is wrong, and only leaves its meaning out.
    if any(found in _FIRST and not has_check(value) for found, value in pairs):
        return Wrong.CHECK_DIGIT
    return Elements(pairs)


def _s10_check(digits: str) -> int:
    total = sum(int(digit) * weight for digit, weight in zip(digits, (8, 6, 4, 2, 3, 5, 9, 7), strict=True))
    return {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11)


def _ups_check(text: str) -> int:
    values = [int(c) if c.isdigit() else (ord(c) - 63) % 10 for c in text]
    return -(sum(values[0::2]) + 2 * sum(values[1::2])) % 10


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
