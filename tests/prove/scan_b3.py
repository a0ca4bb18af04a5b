"""Nonsense into every pure part that a scan goes through, and every slip of a hand in our codes."""

import random
import tracemalloc

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.framing import MAX_FRAME, Framer
from drivers.hidpos import Reports
from drivers.keyed import KeyedReader
from posapp.domain import codes
from posapp.domain.codes import ALPHABET, Kind, Scan, Source
from posapp.domain.keyboards import LAYOUTS
from posapp.domain.keys import BurstDetector, Key
from posapp.domain.profiles import DeviceProfile, Suffix

CLAIM = (
    "No bytes, keys or texts make the framers, the decoder, the detector or the classifier fail or grow; every "
    "single wrong character and every transposition in random codes of ours is found."
)
EXAMPLES, SOAK, CODES = (1_000, 10_000), (100_000, 600_000), (500, 10_000)
MEMORY = 8 << 20
"""Bytes that all of them may hold together after the soak: the key detector keeps 65,536 keys at most."""

_PROFILES = [
    DeviceProfile(),
    DeviceProfile(suffix=Suffix.NONE),
    DeviceProfile(gap_ms=110, prefix="F13", layout="de"),
    DeviceProfile(gap_ms=60, prefix="~", layout="fr", caps=True, gs="|"),
    DeviceProfile(layout="host", suffix=Suffix.TAB, gs=""),
]


class Parts:
    """One of each, fed with anything."""

    def __init__(self, profile: DeviceProfile) -> None:
        self.framer = Framer(suffix=profile.suffix is not Suffix.NONE)
        self.reports = Reports()
        self.keyed = KeyedReader("fuzz", Source.EVDEV, profile)
        self.detector = BurstDetector("fuzz", profile=profile)
        self.read = 0

    def key(self, key: Key) -> None:
        """One key into both readers of keys."""
        self.detector.wants(key)
        outcome = self.detector.feed(key)
        self._scanned(outcome.scan)
        if key.time_ms % 97 == 0:
            self._scanned(self.detector.expire().scan)
        if key.time_ms % 89 == 0:
            self._scanned(self.detector.interrupt().scan)
        for scan in self.keyed.feed(key.code, key.down, key.time_ms):
            self._scanned(scan)

    def data(self, data: bytes, now_ms: int) -> None:
        """Bytes into the framer, and as a report."""
        for frame in self.framer.feed(data, now_ms):
            assert 0 < len(frame.raw) <= MAX_FRAME
        self.reports.feed(data[:64].ljust(64, b"\x02"), now_ms)
        self.reports.feed(b"\x02" + data[:63].ljust(63, b"\x01"), now_ms)

    def _scanned(self, scan: Scan | None) -> None:
        if scan is not None:
            codes.read(scan)
            self.read += 1


_keys = st.builds(
    Key,
    st.integers(0, 2**32 - 1),
    st.integers(-5, 260),
    st.booleans(),
    st.text(max_size=2),
    ctrl=st.booleans(),
    alt=st.booleans(),
    repeat=st.booleans(),
)


def fuzz(examples: int) -> None:
    """Whatever hypothesis thinks of; raises where something fails."""
    checked = settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )

    @checked
    @given(st.sampled_from(_PROFILES), st.lists(st.one_of(_keys, st.binary(max_size=80)), max_size=60))
    def parts(profile: DeviceProfile, events: list[Key | bytes]) -> None:
        fed = Parts(profile)
        now = 0
        for event in events:
            now += 7
            if isinstance(event, Key):
                fed.key(event)
            else:
                fed.data(event, now)

    @checked
    @given(st.text(max_size=90), st.sampled_from([None, *codes.Prefix]))
    def classifier(text: str, expect: codes.Prefix | None) -> None:
        for what in (text, Scan.of("fuzz", Source.SERIAL, [text], at_ms=0)):
            reading = codes.read(what, expect)
            assert len(reading.value) <= codes.MAX_TEXT
            assert reading.readable or reading.reason is not None

    parts()
    classifier()


def soak(events: int, chance: random.Random) -> tuple[int, int]:
    """Random events by the million into one set of parts; scans read, and bytes held at the end."""
    tracemalloc.start()
    fed = [Parts(profile) for profile in _PROFILES]
    before, _ = tracemalloc.get_traced_memory()
    now = 2**32 - 50_000
    known = list(LAYOUTS["us"])
    for number in range(events):
        now += chance.choice([0, 0, 1, 8, 8, 30, 50, 200]) if number % 50_000 > 20_000 else 1
        part = fed[number % len(fed)]
        if number % 8 == 0:
            part.data(chance.randbytes(chance.randrange(200)), now)
        else:
            code = chance.choice(known) if chance.random() < 0.9 else chance.randrange(260)
            part.key(Key(now % 2**32, code, chance.random() < 0.6, chance.choice(["", "a", "ß"])))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return sum(part.read for part in fed), held - before


def slips(count: int, chance: random.Random) -> tuple[int, int]:
    """Every single error and every transposition, at any distance, in so many codes: tried, not found."""
    tried = missed = 0
    for _ in range(count):
        code = codes.draw(chance.choice(list(codes.Prefix)), chance.randrange)
        body = code[2:]
        wrong = [
            code[:2] + body[:at] + other + body[at + 1 :]
            for at in range(len(body))
            for other in ALPHABET
            if other != body[at]
        ]
        for at in range(len(body)):
            for to in range(at + 1, len(body)):
                if body[at] != body[to]:
                    swapped = list(body)
                    swapped[at], swapped[to] = swapped[to], swapped[at]
                    wrong.append(code[:2] + "".join(swapped))
        tried += len(wrong)
        missed += sum(codes.is_code(text) for text in wrong)
        assert codes.read(code).kind is not Kind.UNREADABLE
    return tried, missed


def run(long: bool) -> tuple[bool, str]:
    """All three."""
    chance = random.Random(3)
    fuzz(EXAMPLES[long])
    read, held = soak(SOAK[long], chance)
    tried, missed = slips(CODES[long], chance)
    return held <= MEMORY and not missed, (
        f"{2 * EXAMPLES[long]:,} generated inputs and {SOAK[long]:,} random events ({read:,} scans): no exception, "
        f"{held / 2**20:.1f} MiB held; {missed} of {tried:,} single errors and transpositions in "
        f"{CODES[long]:,} codes missed"
    )
