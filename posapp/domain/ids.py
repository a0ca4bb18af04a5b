"""Identifiers made on the till: UUIDv7 (RFC 9562), so that they sort by the time they were made."""

from __future__ import annotations

import os
import time
from typing import NewType

FactId = NewType("FactId", str)


def new_fact_id(now_ms: int | None = None) -> FactId:
    """A fresh UUIDv7 as text: 48 bits of unix milliseconds, 74 random bits.

    It is the fact's idempotency key on every hop as far as the shop, so it is made once and kept.
    """
    ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    number = (ms & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return FactId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
