"""The scanner doctor at a real X server: six faults, found, explained in both languages, and overcome."""

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from posapp.domain.samples import CODE, GS1, LETTERS, SHORT_LETTERS
from tests.x11 import XDisplay, end, missing_programs

CLAIM = (
    "From real key events the scanner doctor finds, and explains in German and English, a German host with a "
    "US scanner, Caps Lock, no suffix, a Tab suffix, an F-key prefix and 60 ms a key; then codes are read exactly."
)
_CTRL, _CAPS, _F13 = 29, "CapsLock", 183
_PICKUP, _PRODUCT, _FREE = "PK4GN7P2TXV", "4006381333931", "order-12/b=7z"
_WAIT_S = 20
_FAST_MS = 20


@dataclass(frozen=True)
class Fault:
    """How the scanner or the host is, what must be found, and a word of each language's sentence."""

    found: str
    what: str
    words: dict[str, str]
    host: str = "us"
    caps: bool = False
    suffix: str = "\r"
    prefix: int = 0
    pause: int = 3
    # A slow scanner without a prefix proves itself by what it reads; any text is then a person's.
    reads: tuple[str, ...] = (_PICKUP, _PRODUCT, _FREE)


FAULTS = {
    "German host, US scanner": Fault("layouts_differ", "us", {"en": "(German)", "de": "(deutsch)"}, "de"),
    "Caps Lock": Fault("caps_lock", "", {"en": "Caps Lock is on", "de": "Feststelltaste ist an"}, caps=True),
    "no suffix": Fault("no_suffix", "", {"en": "with no key", "de": "mit keiner Taste"}, suffix=""),
    "Tab suffix": Fault("tab_suffix", "", {"en": "with Tab", "de": "mit Tab"}, suffix="\t"),
    "F-key prefix": Fault("prefix_key", "F13", {"en": "presses F13", "de": "Code F13"}, prefix=_F13),
    "60 ms a key": Fault(
        "slow", "", {"en": "is slow: ", "de": "langsam: "}, pause=60, reads=(_PICKUP, _PRODUCT)
    ),
}


class Doctor(XDisplay):
    """A screen with the till's window on it, at the doctor."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.doctor_window"],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.wait_for_window("posapp")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        end(self._process)
        super().__exit__(kind, error, trace)

    def answer(self, of: str) -> dict[str, Any]:
        """The next line that tells of something. Raises TimeoutError."""
        output = self._process.stdout
        assert output is not None
        while True:
            ready, _, _ = select.select([output], [], [], _WAIT_S)
            if not ready:
                raise TimeoutError(f"nothing was said of {of} within {_WAIT_S} s")
            told: dict[str, Any] = json.loads(output.readline() or b"{}")
            if of in told or not told:
                return told

    def go(self, place: str, **more: str) -> None:
        """Have the window go somewhere."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"place": place, **more}).encode() + b"\n")
        self._process.stdin.flush()
        self.answer("place")

    def scan(self, text: str, fault: Fault) -> None:
        """What a scanner with this fault sends for a code."""
        if fault.prefix:
            self._key(fault.prefix, down=True, after_ms=fault.pause)
            self._key(fault.prefix, down=False)
        head, separator, tail = text.partition("\x1d")
        if separator:
            self.type_code(head, fault.pause, end="")
            self._key(_CTRL, down=True)
            self.type_code("]", fault.pause, end="")
            self._key(_CTRL, down=False)
        self.type_code(tail or head, fault.pause, end=fault.suffix)


def faults(doctor: Doctor, name: str, fault: Fault, language: str) -> Iterator[str]:
    """What does not hold for one fault in one language."""
    where = f"{name}, {language}"
    doctor.go("doctor", language=language)
    told: dict[str, Any] = {}
    for text in (CODE, SHORT_LETTERS if fault.pause > _FAST_MS else LETTERS, GS1):
        doctor.scan(text, fault)
        told = doctor.answer("findings")
    found = told["findings"].get(fault.found)
    slow = fault.pause > _FAST_MS
    if found is None or not (50 <= int(found[0]) < 90 if slow else found[0].startswith(fault.what)):
        yield f"{where}: found {told['findings']}"
    if not any(fault.words[language] in sentence for sentence in told["sentences"]):
        yield f"{where}: said {told['sentences']}"
    if not told["good"] or told["place"] != "doctor":
        yield f"{where}: {told}"
    others = {one.found for one in FAULTS.values()} & set(told["findings"]) - {fault.found}
    if others:
        yield f"{where}: found {others} too"
    doctor.go("scan")
    for text in fault.reads:
        doctor.scan(text, fault)
        read = doctor.answer("scan")
        if (read["scan"], read["field"]) != (text, ""):
            yield f"{where}: {text!r} was read as {read}"


def run(long: bool) -> tuple[bool, str]:
    """All six in both languages; long does it three times over."""
    if missing_programs():
        return False, f"not installed: {', '.join(missing_programs())}"
    wrong: list[str] = []
    read = rounds = 0
    with Doctor() as doctor:
        for _ in range(3 if long else 1):
            for name, fault in FAULTS.items():
                doctor.set_layout(fault.host)
                for language in ("de", "en"):
                    if fault.caps:
                        doctor.press(_CAPS)
                    found = list(faults(doctor, name, fault, language))
                    if fault.caps:
                        doctor.press(_CAPS)
                    print(f"{name}, {language}: {found or 'found'}", flush=True)
                    wrong += found
                    rounds += 1
                    read += len(fault.reads)
    figure = f"{rounds - len(wrong)} of {rounds} diagnoses right (6 faults, 2 languages), {read} scans after them exact"
    return not wrong, figure if not wrong else "; ".join(wrong)
