"""Case 12 as far as scanners go: hostile codes down a real line, one scan and one reading each."""

import os
import tty

import pytest

from drivers import open_scanner
from posapp.domain.codes import Kind, Scan, read
from tests.acceptance.till import CODE
from tests.drivers.ears import UP, Ear

HOSTILE = {
    "a whole QR code of digits": b"7" * 2953,
    "control characters": b"PK7KX29\x00\x07\x1b[2JDRTH",
    "somebody's web address": b"https://shop.example/01/4006381333931",
    "six digits that biip takes for a product": b"425261",
    "a wrong check character": b"PK7KX29DRTX",
    "a wrong check digit": b"4006381333932",
    "two codes glued": b"PK7KX29DRTHPK4GN7P2TXV",
    "bytes that are no text": bytes(range(0x80, 0xA0)),
    "a command for a shell": b"$(reboot)`reboot`;reboot",
    "a key of the database": b"' OR 1=1; DROP TABLE orders; --",
}
ACTS = {Kind.PICKUP, Kind.BIN, Kind.BAG, Kind.CLAIM_TICKET, Kind.BADGE, Kind.LOYALTY, Kind.GTIN}


@pytest.mark.parametrize("what", HOSTILE)
def test_case_12_a_hostile_code_is_one_scan_that_acts_on_nothing(what: str) -> None:
    ours, theirs = os.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    with Ear(open_scanner(os.ttyname(theirs))) as ear:
        assert ear.stands() == UP
        os.write(ours, HOSTILE[what] + b"\r" + CODE.encode() + b"\r")
        scan: Scan = ear.scans.get(timeout=10)
        reading = read(scan)
        assert scan.raw == HOSTILE[what]
        assert reading.kind not in ACTS
        assert len(reading.value) <= 64
        assert reading.value.isprintable()
        # Nothing of it is left for the next.
        assert read(ear.scans.get(timeout=10)).value == CODE
        assert ear.scans.empty()
    os.close(ours)
    os.close(theirs)
