"""Cases 1 to 9: scanners that type, on a real X server with real key codes."""

from collections.abc import Iterator

import pytest

from tests.acceptance.till import CAPS, CODE, CTRL, KEYPAD, OTHER, SHIFT, Till
from tests.x11 import ENTER, missing_programs

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"not installed: {missing_programs()}")

EVERYTHING = "PK1-ZyXw/2:3&4?5=6+7_8#9@Y\"'([]\\`~^*)<>|;"
LAYOUTS = ["de", "fr", "ch"]


@pytest.fixture(scope="module", params=LAYOUTS)
def host(request: pytest.FixtureRequest) -> Iterator[Till]:
    with Till(request.param) as till:
        yield till


@pytest.fixture(scope="module")
def german() -> Iterator[Till]:
    with Till("de") as till:
        yield till


@pytest.fixture
def till(german: Till) -> Till:
    german.learn()
    german.focus("field")
    return german


@pytest.mark.parametrize("delay_ms", [0, 5])
@pytest.mark.parametrize("focus", ["field", "button", "window", "list", "table"])
def test_case_01_every_character_on_every_host(host: Till, focus: str, delay_ms: int) -> None:
    host.focus(focus)
    host.type_code(EVERYTHING, delay_ms=delay_ms)
    state = host.state()
    assert state["scans"] == [EVERYTHING]
    assert (state["text"], state["acts"], state["list"]) == ("", [], 0)
    assert state["cells"] == ["0", "1", "2"]
    assert state["open"] == (focus == "list")


def test_case_02_a_blocked_loop_knows_a_person_from_a_scanner(till: Till) -> None:
    with till.blocked():
        till.type_code("hallo welt ", delay_ms=120, end="")
        till.type_code(CODE, delay_ms=10)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == ([CODE], "hallo welt ", [])


@pytest.mark.parametrize("suffix", ["\r", "\r\n", "\r\r", "\t"])
@pytest.mark.parametrize("delay_ms", [2, 20])
def test_case_03_no_default_button_is_pressed(till: Till, suffix: str, delay_ms: int) -> None:
    till.focus("dialog")
    till.type_code(CODE, delay_ms=delay_ms, end=suffix)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"], state["open"]) == ([CODE], "", [], True)
    till.key(ENTER, down=True, after_ms=200)
    till.key(ENTER, down=False)
    assert till.state()["acts"] == ["pay"]


def test_case_04_two_scans_without_pause_and_the_same_twice(till: Till) -> None:
    till.type_code(CODE, delay_ms=3)
    till.type_code(OTHER, delay_ms=3)
    assert till.state()["scans"] == [CODE, OTHER]
    till.focus("field")
    till.type_code(CODE, delay_ms=3)
    till.tap(SHIFT, after_ms=150)
    till.type_code(CODE, delay_ms=3)
    assert till.state()["scans"] == [CODE]
    till.tap(SHIFT, after_ms=1000)
    till.type_code(CODE, delay_ms=3)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == ([CODE, CODE], "", [])


def test_case_05_typed_letters_directly_before_a_scan(till: Till) -> None:
    till.type_code("ab", delay_ms=120, end="")
    till.type_code(CODE[:1], delay_ms=20, end="")
    till.type_code(CODE[1:], delay_ms=8)
    state = till.state()
    assert (state["scans"], state["text"]) == ([CODE], "ab")


@pytest.mark.parametrize("delay_ms", [25, 30, 38, 45, 60, 120])
def test_case_05_a_fast_person_is_a_person(till: Till, delay_ms: int) -> None:
    # The keys of a US y, semicolon and bracket on this host.
    till.type_code("hallo y;[ 4711 wer", delay_ms=delay_ms)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == ([], "hallo zöü 4711 wer", ["return"])


@pytest.mark.parametrize("delay_ms", [25, 45, 120])
def test_case_05_dead_keys_by_hand(till: Till, delay_ms: int) -> None:
    # Acute and circumflex are dead on this host: on the US keys = and `.
    till.type_code("caf=e `ale H[tte", delay_ms=delay_ms, end="")
    assert till.state()["text"] == "café âle Hütte"


def test_case_05_a_click_comes_after_what_was_typed_before_it(till: Till) -> None:
    x, y = till.state()["button"]
    till.type_code("Hallo", delay_ms=60, end="")
    till.click(x, y, after_ms=5)
    till.tap(SHIFT, after_ms=100)
    state = till.state()
    assert (state["text"], state["acts"], state["scans"]) == ("Hallo", ["click"], [])


def test_case_05_a_click_in_the_middle_of_a_scan_tears_nothing(till: Till) -> None:
    x, y = till.state()["button"]
    for done in (1, 5, 10):
        till.focus("field")
        till.type_code(CODE[:done], delay_ms=5, end="")
        till.click(x, y, after_ms=3)
        till.type_code(CODE[done:], delay_ms=5)
        till.tap(SHIFT, after_ms=150)
        state = till.state()
        assert (state["scans"], state["text"], state["acts"]) == ([CODE], "", ["click"])


def test_case_06_no_suffix(till: Till) -> None:
    till.type_code(CODE, end="")
    assert till.state()["scans"] == [CODE]
    till.focus("button")
    till.learn(suffix="none")
    till.type_code("ORDER-4711", end="")
    till.tap(SHIFT, after_ms=100)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == (["ORDER-4711"], "", [])


@pytest.mark.parametrize("delay_ms", [50, 60])
@pytest.mark.parametrize("focus", ["field", "button"])
def test_case_06_a_slow_scanner_once_learned(till: Till, focus: str, delay_ms: int) -> None:
    till.learn(gap_ms=90)
    till.focus(focus)
    till.type_code(CODE, delay_ms=delay_ms, end="\r\r")
    till.tap(SHIFT, after_ms=200)
    till.type_code("4006381333931", delay_ms=delay_ms, end="")
    till.tap(SHIFT, after_ms=100)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == ([CODE, "4006381333931"], "", [])


def test_case_06_a_slow_scanner_with_a_prefix_sends_any_text(till: Till) -> None:
    till.learn(gap_ms=110, prefix="F13")
    # No key of this keyboard map is F13: X knows it by its code alone.
    till.tap(183, after_ms=60)
    till.type_code("order 12/b", delay_ms=60)
    till.tap(SHIFT, after_ms=300)
    till.type_code("ab", delay_ms=60)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == (["order 12/b"], "ab", ["return"])


@pytest.mark.parametrize("focus", ["field", "button"])
@pytest.mark.parametrize("leaning", [CAPS, SHIFT, CTRL])
def test_case_07_keys_that_a_clerk_leans_on(till: Till, leaning: int, focus: str) -> None:
    till.focus(focus)
    if leaning == CAPS:
        till.press("CapsLock")
    else:
        till.key(leaning, down=True)
    # The scanner comes a moment later.
    till.type_code(CODE.lower(), delay_ms=8 if leaning == CAPS else 60, end="")
    till.state()
    till.focus(focus)
    till.type_code(CODE.lower(), delay_ms=8)
    if leaning == CAPS:
        till.press("CapsLock")
    else:
        till.key(leaning, down=False)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == ([CODE.lower()], "", [])


@pytest.mark.parametrize("focus", ["field", "table", "list"])
def test_case_08_keypad_digits_without_num_lock(till: Till, focus: str) -> None:
    till.focus(focus)
    till.state()
    before = till.state()["focus"]
    for digit in "4006381333931":
        till.tap(KEYPAD[digit], after_ms=5)
    till.tap(96, after_ms=5)
    state = till.state()
    assert (state["kinds"], state["text"], state["focus"]) == (["gtin"], "", before)
    assert (state["list"], state["cells"]) == (0, ["0", "1", "2"])


def test_case_08_numbers_with_alt_held(till: Till) -> None:
    for character in "PK7-a":
        till.key(56, down=True, after_ms=3)
        for digit in f"{ord(character):03}":
            till.tap(KEYPAD[digit], after_ms=3)
        till.key(56, down=False)
    till.tap(ENTER, after_ms=3)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == (["PK7-a"], "", [])
