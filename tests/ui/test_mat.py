"""The counter mat does what its keys do, once, and never what a person has to decide."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from posapp.domain import mat
from posapp.domain.mat import Command
from posapp.domain.pickup import Verdict
from tests.kit.counter import Counter
from tests.kit.things import STORE_KEY
from tests.screens.samples import CASE, ORDERS, QUEUE, TWINS, code_of, scan_for
from tests.screens.scenes import Stage
from tests.ui.stages import on_stage
from ui.view import Tone

MAT = mat.codes(STORE_KEY)


@pytest.fixture
def stage(tmp_path: Path, qtbot: QtBot) -> Iterator[Stage]:
    with on_stage(
        tmp_path, qtbot, *ORDERS.values(), *TWINS, CASE, *QUEUE, language="en", online=False
    ) as made:
        yield made


def kinds(counter: Counter) -> list[str]:
    return [kind for kind, _subject in counter.facts()]


def test_a_pickup_by_scanning_alone(stage: Stage) -> None:
    stage.scan(code_of("W-4006"))
    stage.scan(MAT[Command.OK])
    assert kinds(stage.counter) == ["HandedOver"]
    assert stage.window.home.card.view.tone is Tone.DONE
    stage.scan(MAT[Command.UNDO])
    assert kinds(stage.counter) == ["HandedOver", "HandOverUndone"]
    stage.scan(MAT[Command.UNDO])
    assert len(kinds(stage.counter)) == 2


def test_ok_twice_within_a_second_is_once(stage: Stage) -> None:
    stage.scan(scan_for(Verdict.READY_ATTENTION))
    for _ in range(3):
        stage.times -= 9_500
        stage.scan(MAT[Command.OK])
    assert kinds(stage.counter) == []
    stage.scan(MAT[Command.OK])
    assert kinds(stage.counter) == ["HandedOver"]


@pytest.mark.parametrize("verdict", [Verdict.EXPIRED, *(v for v in ORDERS if v.value.startswith("c"))])
def test_ok_extends_overrides_and_settles_nothing(stage: Stage, verdict: Verdict) -> None:
    stage.scan(scan_for(verdict))
    for _ in range(3):
        stage.scan(MAT[Command.OK])
    assert kinds(stage.counter) == []


@pytest.mark.parametrize("place", ["attention", "pickups", "settings"])
def test_ok_does_nothing_where_there_is_no_one_next_step(stage: Stage, place: str) -> None:
    stage.window.go(place)
    stage.scan(MAT[Command.OK])
    assert (kinds(stage.counter), stage.window.place) == ([], place)


def test_back_goes_back_and_lock_leaves_nothing_of_a_customer(stage: Stage) -> None:
    stage.window.go("pickups")
    stage.scan(MAT[Command.BACK])
    assert stage.window.place == "scan"
    stage.scan(code_of("W-1001"))
    stage.scan(MAT[Command.LOCK])
    assert stage.window.place == "scan"
    assert not stage.window.home.card.isVisible()


def test_another_stores_mat_and_a_typed_command_do_nothing(stage: Stage) -> None:
    stage.scan(code_of("W-4006"))
    stage.scan(mat.codes(bytes(32))[Command.OK])
    assert stage.window.home.card.view.headline == "Counter mat"
    stage.scan(code_of("W-4006"))
    stage.type(MAT[Command.OK])
    assert kinds(stage.counter) == []


def test_receipt_does_what_its_key_does_where_there_is_one(stage: Stage) -> None:
    from PySide6.QtGui import QKeySequence, QShortcut

    stage.scan(MAT[Command.RECEIPT])
    pressed: list[int] = []
    note: Callable[[], None] = lambda: pressed.append(1)  # noqa: E731  # a slot
    QShortcut(QKeySequence("F6"), stage.window).activated.connect(note)
    stage.scan(MAT[Command.RECEIPT])
    assert pressed == [1]


def test_the_mat_on_paper_is_read_back(stage: Stage) -> None:
    import pypdfium2
    import zxingcpp

    from ui.mat_paper import write

    document = pypdfium2.PdfDocument(write(stage.counter.desk))
    picture = document[0].render(scale=3).to_pil()
    document.close()
    assert {found.text for found in zxingcpp.read_barcodes(picture)} == set(MAT.values())


def test_the_attention_screen_shows_guessing_and_ends_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    badges: dict[str, int] = {}
    monkeypatch.setattr(stage.window.rail, "show_badge", badges.__setitem__)
    for number in range(6):
        stage.scan(code_of(f"guess-{number}"))
    assert badges["attention"] == 1
    assert stage.window.home.card.view.headline == "Too many attempts"
    stage.window.go("attention")
    screen = stage.window.front
    assert screen.guessing.text.startswith("Several unknown pickup codes")  # type: ignore[attr-defined]  # of this place
    screen.clear.click()  # type: ignore[attr-defined]  # of this place
    assert screen.guessing.text == ""  # type: ignore[attr-defined]  # of this place
    assert kinds(stage.counter) == ["GuessingNoticed", "GuessingCleared"]
