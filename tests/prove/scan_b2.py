"""Scans into every kind of focus on five hosts, and people who type and are left alone."""

import random

from posapp.domain import codes
from posapp.domain.profiles import DeviceProfile
from tests.acceptance.till import Till
from tests.prove.people import Field, Person
from tests.x11 import missing_programs

CLAIM = (
    "Random codes scanned on five keyboard layouts, into a field, on a default button, in a table and with a list "
    "open, are exact, leak no character and press nothing; of generated typing bursts none is taken for a scan."
)
LAYOUTS = ("us", "de", "ch", "fr", "gb")
PLACES = ("field", "button", "table", "list")
SCANS, BURSTS = (1_000, 10_000), (20_000, 200_000)
AT_ONCE = 25
_ASCII = "".join(map(chr, range(33, 127)))


def drawn(chance: random.Random) -> str:
    """One of our codes, a GTIN, or any text that a US scanner can send."""
    kind = chance.random()
    if kind < 0.5:
        return codes.draw(chance.choice(list(codes.Prefix)), chance.randrange)
    if kind < 0.65:
        body = f"{chance.randrange(10**12):012}"
        return next(body + str(digit) for digit in range(10) if codes.gtin14(body + str(digit)))
    # A text of one character repeated is no code, and "]A0" at its front would be an AIM id.
    return "#" + "".join(chance.choice(_ASCII) for _ in range(chance.randint(5, 30)))


def scans(count: int, chance: random.Random) -> tuple[int, int, int, int]:
    """Scan so many; how many were read exactly, characters leaked, things pressed, and scanned in all."""
    each = count // (len(LAYOUTS) * len(PLACES))
    exact = leaked = pressed = done = 0
    for layout in LAYOUTS:
        with Till(layout) as till:
            for place in PLACES:
                for begun in range(0, each, AT_ONCE):
                    wanted = [drawn(chance) for _ in range(min(AT_ONCE, each - begun))]
                    till.focus(place)
                    for text in wanted:
                        till.type_code(text, delay_ms=chance.choice([0, 0, 1]))
                    state = till.state()
                    exact += sum(a == b for a, b in zip(wanted, state["scans"], strict=False))
                    leaked += len(state["text"]) + sum(
                        a != b for a, b in zip(state["cells"], "012", strict=True)
                    )
                    pressed += (
                        len(state["acts"]) + (state["list"] != 0) + (state["open"] != (place == "list"))
                    )
                    done += len(wanted)
            print(f"  {layout}: {exact} of {done} exact, {leaked} leaked, {pressed} pressed", flush=True)
    return exact, leaked, pressed, done


def bursts(count: int, chance: random.Random) -> tuple[int, int]:
    """Type so many bursts, as a scanner not set up and as one learned at 60 ms a key: wrong ones, scans."""
    fields = [
        Field(DeviceProfile()),
        Field(DeviceProfile(gap_ms=90)),
        Field(DeviceProfile(gap_ms=110, prefix="F13")),
    ]
    wrong, now = 0, 0
    for number in range(count):
        now = (now + 2000) % 2**32
        keys = Person(chance).burst(now)
        now = keys[-1].time_ms
        wrong += not fields[number % len(fields)].type(keys)
    return wrong, sum(field.scans for field in fields)


def run(long: bool) -> tuple[bool, str]:
    """Both halves."""
    if missing_programs():
        return False, f"not run, not installed: {', '.join(missing_programs())}"
    chance = random.Random(20)
    wrong, taken = bursts(BURSTS[long], chance)
    print(f"  {BURSTS[long]:,} bursts typed: {taken} taken for a scan, {wrong} not whole", flush=True)
    exact, leaked, pressed, done = scans(SCANS[long], chance)
    holds = exact == done == SCANS[long] and not (leaked or pressed or wrong or taken)
    return holds, (
        f"{exact:,} of {SCANS[long]:,} scans exact on {len(LAYOUTS)} layouts, {leaked} characters leaked, "
        f"{pressed} things pressed; {BURSTS[long]:,} typing bursts: {taken} taken for a scan, {wrong} not whole"
    )
