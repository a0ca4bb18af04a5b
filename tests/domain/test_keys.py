"""A scanner is told from a person by the pace of its keys, and neither loses a character."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.codes import ALPHABET, Fault, Kind, Prefix, Scan, make, read
from posapp.domain.keyboards import US_LAYOUT, KeyDecoder
from posapp.domain.keys import MAX_KEYS, SWALLOW_MS, BurstDetector, Do, Key, Outcome
from posapp.domain.profiles import DEFAULT_GAP_MS as GAP_MS

CODE = "PK7KX29DRTH"
OTHER = "PK4GN7P2TXV"
CTRL, SHIFT, ALT, CAPS, ENTER, TAB, KEYPAD_ENTER, F13 = 29, 42, 56, 58, 28, 15, 96, 183
CODES = {
    character: (code, at == 1) for code, pair in US_LAYOUT.items() for at, character in enumerate(pair[:2])
}
CODES |= {character: (code, False) for code, (character, *_) in US_LAYOUT.items() if code < 54 or code == 57}
GERMAN = str.maketrans("yzYZ-/:", "zyZYß-Ö")

codes = st.builds(make, st.sampled_from(Prefix), st.text(ALPHABET, min_size=8, max_size=8))
WRAP = 2**32


def tap(code: int, at: int, text: str = "", **state: bool) -> list[Key]:
    return [Key(at % WRAP, code, True, text, **state), Key(at % WRAP, code, False)]


def scanned(
    text: str, at: int = 1000, gap: int = 8, host: dict[int, int] | None = None, **state: bool
) -> list[Key]:
    """The keys of a US-layout scanner: a real Shift around each shifted character."""
    keys = []
    for number, character in enumerate(text):
        code, shifted = CODES[character]
        when = (at + number * gap) % WRAP
        around = tap(SHIFT, when) if shifted else []
        keys += [*around[:1], *tap(code, when, character.translate(host or {}), **state), *around[1:]]
    return keys


def enter(keys: list[Key], after: int = 8, code: int = ENTER) -> list[Key]:
    return keys + tap(code, keys[-1].time_ms + after, "\r")


class Host:
    """The window behind the detector: what reaches it, and the scans. Its timer is on time unless `late`."""

    def __init__(self, late: bool = False) -> None:
        self.detector = BurstDetector("till")
        self.late = late
        self.events: list[Key] = []
        self.scans: list[Scan] = []
        self.due: int | None = None

    def feed(self, keys: Iterable[Key]) -> "Host":
        for key in keys:
            if not self.late and self.due is not None and key.time_ms > self.due:
                self.timer()
            wanted = key.down and self.detector.wants(key)
            outcome = self.detector.feed(key)
            if key.down and key.code not in {SHIFT, CTRL, CAPS}:
                assert wanted == (outcome.do is not Do.PASS)
            self.take(outcome)
            if outcome.do is Do.PASS:
                self.events.append(key)
            self.due = key.time_ms + GAP_MS if self.detector.holding and key.down else self.due
        return self

    def timer(self) -> "Host":
        self.due = None
        self.take(self.detector.expire())
        return self

    def take(self, outcome: Outcome) -> None:
        self.events += outcome.replay
        self.scans += [outcome.scan] if outcome.scan else []

    @property
    def text(self) -> str:
        return "".join(key.text for key in self.events if key.down)

    @property
    def read(self) -> list[str]:
        return [read(scan).value for scan in self.scans]


# --- a scan ---


@pytest.mark.parametrize("end", [ENTER, TAB, KEYPAD_ENTER, 101])
@pytest.mark.parametrize("gap", [0, 1, 8, 20, GAP_MS])
def test_a_scan_is_one_scan_and_leaves_nothing(gap: int, end: int) -> None:
    host = Host().feed(enter(scanned(CODE, gap=gap), gap, end)).timer()
    assert [scan.texts for scan in host.scans] == [(CODE,)]
    # The first Shift comes before any key that could be held.
    assert [(key.code, key.down) for key in host.events] == [(SHIFT, True), (SHIFT, False)]
    first, last = 1000, 1000 + 10 * gap
    assert [(scan.first_ms, scan.last_ms, scan.at_ms) for scan in host.scans] == [(first, last, last + gap)]


@given(codes, st.lists(st.integers(0, 20), min_size=12, max_size=12), st.integers(0, WRAP), st.booleans())
def test_any_code_at_any_scanner_pace_is_exactly_one_scan(
    code: str, gaps: list[int], start: int, late: bool
) -> None:
    keys: list[Key] = []
    for character, gap in zip(code, gaps, strict=False):
        start += gap
        keys += scanned(character, at=start)
    host = Host(late).feed(enter(keys, gaps[-1])).timer()
    assert [scan.text for scan in host.scans] == [code]
    assert host.text == ""


@pytest.mark.parametrize("text", ["#1001", "https://x.example/01/4006381333931?a=b&c", "Aa-1_~`|\\\"'<>"])
def test_any_text_is_exact_on_any_layout(text: str) -> None:
    (scan,) = Host().feed(enter(scanned(text, host=GERMAN))).scans
    assert scan.texts == tuple(dict.fromkeys([text, text.translate(GERMAN)]))


def test_two_scans_without_a_pause_are_two() -> None:
    first = enter(scanned(CODE))
    host = Host().feed(first + enter(scanned(OTHER, at=first[-1].time_ms))).timer()
    assert (host.read, host.text) == ([CODE, OTHER], "")


@pytest.mark.parametrize(
    "end",
    [
        tap(ENTER, 1096, "\r") + tap(ENTER, 1104, "\r"),
        [
            *tap(ENTER, 1096, "\r"),
            Key(1100, CTRL, True),
            *tap(36, 1104, "\n", ctrl=True),
            Key(1104, CTRL, False),
        ],
        [
            Key(1090, CTRL, True),
            *tap(50, 1096, "\r", ctrl=True),
            Key(1097, CTRL, False),
            *tap(ENTER, 1190, "\r"),
        ],
        tap(TAB, 1096, "\t") + tap(KEYPAD_ENTER, 1096 + SWALLOW_MS, "\r"),
    ],
)
def test_a_second_terminator_belongs_to_the_scan(end: list[Key]) -> None:
    host = Host().feed(scanned(CODE) + end).timer()
    assert host.read == [CODE]
    assert {key.code for key in host.events} <= {SHIFT, CTRL}


def test_the_next_enter_by_hand_counts() -> None:
    host = Host().feed(enter(scanned(CODE)) + tap(ENTER, 1096 + SWALLOW_MS + 1, "\r"))
    assert host.text == "\r"
    assert [key.down for key in host.events if key.code == ENTER] == [True, False]


def test_a_code_of_ours_needs_no_terminator() -> None:
    host = Host().feed(scanned(CODE)).timer()
    assert host.read == [CODE]
    assert Host().feed(scanned("PK7KX29DRTX")).timer().text == "PK7KX29DRTX"
    late = Host(late=True).feed(scanned(CODE) + scanned("x", at=2000)).timer()
    assert (late.read, late.text) == ([CODE], "x")
    slow_enter = Host().feed(scanned(CODE)).timer().feed(tap(ENTER, 1080 + 90, "\r"))
    assert (slow_enter.read, slow_enter.text) == ([CODE], "")


def test_the_releases_of_a_scan_go_with_it() -> None:
    presses = [key for key in scanned("abcdef") if key.down] + [Key(1048, ENTER, True, "\r")]
    releases = [Key(1200, code, False) for code in {key.code for key in presses}]
    assert Host().feed(presses + releases).events == []


# --- what the clerk leans on ---


def test_caps_lock_and_a_held_shift_change_nothing() -> None:
    leaning = [Key(0, SHIFT, True)]
    for keys in (scanned(CODE.lower()), [*tap(CAPS, 995), *scanned(CODE), *tap(CAPS, 1085)]):
        host = Host().feed(leaning + enter(keys))
        assert host.read == [CODE]
        assert host.text == ""


def test_a_held_ctrl_fires_no_shortcut() -> None:
    keys = [Key(0, CTRL, True), *enter(scanned(CODE, ctrl=True))]
    held = [Key(*(key.time_ms, key.code, key.down, "\x01" if key.text else "", key.ctrl)) for key in keys]
    host = Host().feed(held)
    assert [scan.texts for scan in host.scans] == [(CODE,)]
    assert [key for key in host.events if key.ctrl] == []


def test_ctrl_of_the_scanner_sends_a_separator() -> None:
    gs = [Key(1016, CTRL, True), *tap(27, 1016, "+", ctrl=True), Key(1016, CTRL, False)]
    (scan,) = Host().feed(enter(scanned("10", at=1000) + gs + scanned("21", at=1024))).scans
    assert scan.text == "10\x1d21"
    assert scan.fault is None


def test_ctrl_and_alt_with_one_key_are_a_persons() -> None:
    keys = [Key(0, CTRL, True), *tap(46, 100, "\x03", ctrl=True), Key(180, CTRL, False)]
    assert Host().feed(keys).timer().events == keys
    menu = [Key(0, ALT, True), *tap(33, 100, "f", alt=True), Key(180, ALT, False)]
    host = Host().feed(menu)
    assert host.events == menu
    inside = enter(scanned("4711") + tap(33, 1040, "f", alt=True))
    assert [scan.text for scan in Host().feed(inside).scans] == ["4711f"]


def test_keypad_digits_count_whatever_num_lock_says() -> None:
    keypad = {"7": 71, "8": 72, "9": 73, "4": 75, "5": 76, "6": 77, "1": 79, "2": 80, "3": 81, "0": 82}
    keys = [key for at, digit in enumerate("4006381333931") for key in tap(keypad[digit], 1000 + 8 * at)]
    host = Host().feed(enter(keys, code=KEYPAD_ENTER))
    assert [read(scan).kind for scan in host.scans] == [Kind.GTIN]
    assert host.events == []


# --- a person ---


@st.composite
def typing(draw: st.DrawFn) -> list[Key]:
    """A person: 40 to 300 ms between presses, fingers overlapping, capitals, Enter and the rest."""
    now = draw(st.integers(0, WRAP - 1))
    events: list[tuple[int, int, Key]] = []
    up: dict[int, int] = {}
    for _ in range(draw(st.integers(0, 30))):
        code = draw(st.sampled_from([*US_LAYOUT, SHIFT, SHIFT, ENTER, TAB, 14, 103, F13]))
        now = max(now + draw(st.integers(40, 300)), up.get(code, 0) + 1)
        up[code] = now + draw(st.integers(1, 250))
        text = draw(st.sampled_from("abcäöß€Ñ")) if code in US_LAYOUT else ""
        events.append((now, len(events), Key(now % WRAP, code, True, text)))
        events.append((up[code], len(events), Key(up[code] % WRAP, code, False)))
    return [key for _, _, key in sorted(events)]


@given(typing(), st.booleans())
def test_typing_is_never_a_scan_and_stays_whole(keys: list[Key], late: bool) -> None:
    host = Host(late).feed(keys).timer()
    assert host.scans == []
    assert host.events == keys


@given(st.text("abc", max_size=3), st.integers(0, GAP_MS), codes, st.booleans())
def test_keys_glued_before_a_scan_are_given_back(typed: str, gap: int, code: str, late: bool) -> None:
    keys = scanned(typed, at=1000, gap=20)
    start = 1000 + 20 * max(len(typed) - 1, 0) + gap
    host = Host(late).feed(keys + enter(scanned(code, at=start))).timer()
    assert (host.read, host.text) == ([code], typed)


def test_the_release_of_a_glued_key_is_given_back_wherever_it_comes() -> None:
    for up in (1030, 1500):
        scan = enter(scanned(CODE.lower(), at=1020))
        human = [Key(1000, 48, True, "b"), Key(up, 48, False)]
        host = Host().feed(sorted([*human, *scan], key=lambda key: key.time_ms)).timer()
        assert (host.read, host.events) == ([CODE], human)


@pytest.mark.parametrize(
    ("keys", "text", "code"),
    [
        ("b]E04006381333931", "b", "04006381333931"),
        ("-PK7KX29DRTH", "-", CODE),
        ("xy]C0PK7KX29DRTH", "xy", CODE),
    ],
)
def test_a_scan_is_cut_off_at_its_aim_id_or_prefix(keys: str, text: str, code: str) -> None:
    host = Host().feed(enter(scanned(keys)))
    assert (host.text, host.read) == (text, [code])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_fast_keys_and_enter_are_typing(count: int) -> None:
    keys = enter(scanned("abc"[:count]))
    assert Host().feed(keys).events == keys


def test_a_few_stray_keys_after_a_scan_press_nothing() -> None:
    first = enter(scanned(CODE))
    host = Host().feed(first + enter(scanned("ab", at=first[-1].time_ms)))
    assert (host.read, host.text) == ([CODE], "ab")


@pytest.mark.parametrize("flagged", [True, False])
def test_a_key_held_down_is_never_a_scan(flagged: bool) -> None:
    keys = [Key(1000, 45, True, "x")]
    keys += [Key(1500 + 30 * at, 45, True, "x", repeat=flagged) for at in range(20)]
    keys += [Key(2200, 45, False), *tap(ENTER, 2201, "\r")]
    host = Host().feed(keys)
    assert host.scans == []
    assert host.events == keys


def test_nor_is_one_whose_repeats_come_with_releases() -> None:
    keys = enter(scanned("x" * 20, gap=30))
    host = Host().feed(keys).timer()
    assert host.scans == []
    assert host.events == keys


def test_other_keys_give_back_what_is_held_first() -> None:
    keys = scanned("ab") + tap(105, 1010) + scanned("c", at=1012)
    assert Host().feed(keys).timer().events == keys


def test_a_late_event_loop_is_told_by_the_keys_own_times() -> None:
    human = scanned("hallo welt", at=WRAP - 600, gap=121)
    scan = enter(scanned(CODE, at=1000, gap=10))
    host = Host(late=True).feed(human + scan).timer()
    assert (host.read, host.text) == ([CODE], "hallo welt")


# --- interruptions and limits ---


def test_an_interruption_gives_back_a_persons_keys() -> None:
    host = Host().feed(scanned("a"))
    host.take(host.detector.interrupt())
    assert host.text == "a"
    assert not host.detector.holding


def test_an_interruption_does_not_tear_a_scan() -> None:
    for done in (4, 7):
        host = Host().feed(scanned(CODE[:done]))
        host.take(host.detector.interrupt())
        host.feed(enter(scanned(CODE[done:], at=1000 + 8 * done)))
        assert (host.read, host.text) == ([CODE], "")
    first = enter(scanned(CODE))
    host = Host().feed(first + scanned(OTHER[:1], at=first[-1].time_ms))
    host.take(host.detector.interrupt())
    host.feed(enter(scanned(OTHER[1:], at=first[-1].time_ms + 8)))
    assert (host.read, host.text) == ([CODE, OTHER], "")


def test_a_key_whose_release_went_elsewhere_is_no_repeat() -> None:
    host = Host().feed([Key(1000, 25, True, "p")]).timer()
    host.take(host.detector.interrupt())
    assert host.feed(enter(scanned(CODE.lower(), at=5000))).read == [CODE]


def test_endless_keys_are_one_fault_and_type_nothing() -> None:
    flood = [key for at in range(3 * MAX_KEYS) for key in tap(30 + at % 2, 1000 + at, "as"[at % 2])]
    host = Host().feed(flood)
    assert (host.events, host.scans) == ([], [])
    host.feed(tap(ENTER, flood[-1].time_ms + 1, "\r"))
    (scan,) = host.scans
    assert (scan.fault, len(scan.text), host.events) == (Fault.TOO_LONG, MAX_KEYS, [])
    assert host.feed(enter(scanned(CODE, at=100_000))).read[1:] == [CODE]


def test_endless_keys_end_with_the_gap_too() -> None:
    flood = [key for at in range(MAX_KEYS + 5) for key in tap(30 + at % 2, 1000 + at, "as"[at % 2])]
    host = Host(late=True).feed(flood).feed(scanned("x", at=50_000)).timer()
    assert [scan.fault for scan in host.scans] == [Fault.TOO_LONG]
    assert host.text == "x"


def test_keys_without_a_code_count_by_their_text() -> None:
    keys = [key for at, character in enumerate("Ñandú") for key in tap(-ord(character), 1000 + at, character)]
    (scan,) = Host().feed(enter(keys)).scans
    assert scan.texts == ("Ñandú",)


@given(
    st.lists(
        st.builds(
            Key,
            st.integers(0, 300),
            st.integers(-2, 130),
            st.booleans(),
            st.text(max_size=1),
            ctrl=st.booleans(),
            alt=st.booleans(),
            repeat=st.booleans(),
        )
    )
)
def test_no_stream_of_keys_raises_or_loses_what_is_no_scan(keys: list[Key]) -> None:
    host = Host(late=True)
    for key in keys:
        outcome = host.detector.feed(key)
        host.take(outcome)
        host.events += [key] if outcome.do is Do.PASS else []
    host.timer()
    assert host.scans or host.events == keys


def test_every_us_key_decodes() -> None:
    decoder = KeyDecoder()
    plain = {decoder.press(code, 0) for code in range(128) if code not in {SHIFT, 54, CTRL, 97, ALT, 100}}
    decoder.press(SHIFT, 0)
    shifted = {decoder.press(code, 0) for code in US_LAYOUT}
    assert sorted((plain | shifted) - {""}) == [chr(at) for at in range(32, 127)]
