"""Every verdict has its look, its word, its sound and says what to do next; nobody's data leaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import resources
from posapp import texts
from posapp.counter.scanning import Result
from posapp.domain.codes import Kind, Reading, Unreadable
from posapp.domain.pickup import MAY_HAND_OVER, Verdict
from tests.kit.counter import Counter, open_counter
from tests.screens.samples import ORDERS, TWINS, scan_for
from ui import kinds, verdicts
from ui.order_view import OrderPresenter
from ui.verdicts import LOOKS
from ui.view import CardView, Sound, Tone

GREEN, AMBER, NEUTRAL, RED = Tone.GREEN, Tone.AMBER, Tone.NEUTRAL, Tone.RED
GO, LOOK, INFO, STOP = (Sound.GO,), (Sound.LOOK,), (Sound.INFO,), (Sound.STOP,)

TABLE: dict[Verdict, tuple[Tone, str, str, tuple[Sound, ...]]] = {
    Verdict.READY: (GREEN, "circle-check", "Übergeben möglich", GO),
    Verdict.READY_ATTENTION: (GREEN, "note", "Erst Hinweis lesen", GO + LOOK),
    Verdict.PASS: (GREEN, "id-badge-2", "Abholung mit Pass", GO),
    Verdict.REST_OPEN: (GREEN, "progress-check", "Rest übergeben", GO),
    Verdict.PARTLY_HERE: (AMBER, "packages", "Nur {here} von {count} Paketen da", LOOK),
    Verdict.NOT_PUT_AWAY: (AMBER, "map-pin", "Da, noch ohne Fach", LOOK),
    Verdict.NOT_HERE_YET: (AMBER, "hourglass", "Noch nicht da", LOOK),
    Verdict.ANSWER_NEEDED: (AMBER, "message-question", "Frage beantworten", LOOK),
    Verdict.PAY_HERE: (AMBER, "cash", "Noch zu zahlen", LOOK),
    Verdict.EXPIRED: (AMBER, "clock-off", "Frist ist vorbei", LOOK),
    Verdict.AMBIGUOUS: (NEUTRAL, "list-search", "Mehrere Treffer", INFO),
    Verdict.NOT_AN_ORDER: (NEUTRAL, "tag", "Keine Bestellung", INFO),
    Verdict.ALREADY_HANDED_OVER: (RED, "package-off", "Bereits abgeholt", STOP),
    Verdict.UNPAID: (RED, "credit-card-off", "Nicht bezahlt", STOP),
    Verdict.CANCELLED: (RED, "ban", "Storniert", STOP),
    Verdict.GOING_BACK: (RED, "truck-return", "Geht zurück", STOP),
    Verdict.RETURNED: (RED, "receipt-refund", "Schon retourniert", STOP),
    Verdict.OTHER_STORE: (RED, "building-store", "Andere Filiale", STOP),
    Verdict.CODE_REPLACED: (RED, "replace", "Code ersetzt", STOP),
    Verdict.PASS_REVOKED: (RED, "replace", "Pass widerrufen", STOP),
    Verdict.BLOCKED: (RED, "lock", "Gesperrt", STOP),
    Verdict.CASE_OPEN: (RED, "scale", "Klärfall offen", STOP),
    Verdict.SEARCHING: (NEUTRAL, "cloud-search", "Wird gesucht …", ()),
    Verdict.UNKNOWN: (RED, "circle-x", "Unbekannter Code", STOP),
    Verdict.UNREADABLE: (RED, "barcode-off", "Code unlesbar", STOP),
    Verdict.GENUINE: (Tone.AMBER, "shield-check", "Echt, hier aber unbekannt", (Sound.LOOK,)),
    Verdict.TOKEN_EXPIRED: (Tone.AMBER, "clock-off", "Code abgelaufen", (Sound.LOOK,)),
    Verdict.FORGED: (Tone.RED, "shield-exclamation", "Code nicht echt", (Sound.ALARM,)),
    Verdict.GUESSING: (Tone.RED, "shield-exclamation", "Zu viele Versuche", (Sound.ALARM,)),
}


@pytest.fixture(autouse=True)
def german() -> Iterator[None]:
    texts.use("de")
    yield
    texts.use("en")


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    with open_counter(tmp_path) as made:
        made.tell(*ORDERS.values(), *TWINS)
        made.desk.scanning.online = True
        yield made


def card(counter: Counter, verdict: Verdict) -> CardView:
    result = counter.scan(scan_for(verdict))
    assert result.verdict is verdict
    return kinds.card(result, {})


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_looks_and_sounds_as_agreed(verdict: Verdict) -> None:
    look = LOOKS[verdict]
    assert (look.tone, look.icon, texts._(look.headline), look.sounds) == TABLE[verdict]
    assert resources.path(f"icons/{look.icon}.svg").exists()
    for sound in look.sounds:
        assert resources.path(f"sounds/{sound}.wav").exists()


@pytest.mark.parametrize("verdict", ORDERS)
def test_each_order_card_says_what_to_do(counter: Counter, verdict: Verdict) -> None:
    view = card(counter, verdict)
    tone, icon, headline, sound = TABLE[verdict]
    assert (view.tone, view.icon, view.sound) == (tone, icon, sound)
    assert view.headline == headline.format(here=1, count=2)
    assert view.stays is None
    assert view.sentence or (view.primary and verdict is Verdict.READY)
    assert bool(view.primary or view.secondary) is (verdict in MAY_HAND_OVER)
    assert bool(view.consequence) is (verdict in MAY_HAND_OVER)
    keys = [action.key for action in (view.primary, *view.secondary) if action]
    assert keys.count("F12") <= 1
    if view.primary:
        assert view.primary.key == "F12"


@pytest.mark.parametrize("verdict", [Verdict.OTHER_STORE, Verdict.CODE_REPLACED, Verdict.PASS_REVOKED])
def test_who_may_not_know_sees_no_personal_data(counter: Counter, verdict: Verdict) -> None:
    view = card(counter, verdict)
    told = f"{view.spoken} {view.detail}"
    assert ORDERS[verdict].customer not in told
    assert "Herrenuhr" not in told
    assert view.bin == ""


def test_goods_that_stay_are_not_offered_by_their_bin(counter: Counter) -> None:
    for verdict in ORDERS.keys() - MAY_HAND_OVER:
        assert card(counter, verdict).bin == ""


def test_already_handed_over_tells_when_who_where_and_how(counter: Counter) -> None:
    values = {fact.label: fact.value for fact in card(counter, Verdict.ALREADY_HANDED_OVER).facts}
    assert values["Durch"] == "Miriam Yılmaz"
    assert values["Kasse"] == "B01-2"
    assert values["Nachweis"] == "Abholcode"
    assert values["Übergeben am"].startswith("20.11.2026")


def test_a_pass_names_both_and_keeps_to_its_goods(counter: Counter) -> None:
    view = card(counter, Verdict.PASS)
    assert view.name == "Emil Groß für Aleksandra Wiśniewska"
    assert [line.note for line in view.lines] == ["", "nicht auf diesem Pass"]


def test_the_age_of_the_data_is_told_from_two_minutes_on(counter: Counter) -> None:
    assert card(counter, Verdict.READY).stale == ""
    counter.clock.pass_by(240)
    assert card(counter, Verdict.READY).stale.startswith("Stand vor 4 min.")
    counter.clock.pass_by(3 * 86400)
    assert card(counter, Verdict.READY).stale.startswith("Stand vor 3 Tagen.")


def test_offline_says_what_follows(counter: Counter) -> None:
    assert "Kunde erhält Mail" in card(counter, Verdict.READY).consequence
    counter.desk.scanning.online = False
    assert "Leitung" in card(counter, Verdict.READY).consequence


@pytest.mark.parametrize("reason", Unreadable)
def test_each_reason_for_unreadable_has_its_sentence(reason: Unreadable) -> None:
    reading = Reading(Kind.UNREADABLE, "PK7", reason, position=4)
    view = verdicts.card(Result(Verdict.UNREADABLE, "PK7", reading))
    assert view.sentence
    assert ("4." in view.sentence) is (reason is Unreadable.IMPOSSIBLE_CHARACTER)


@pytest.mark.parametrize("kind", [Kind.GTIN, Kind.BIN, Kind.BAG, Kind.BADGE, Kind.LOYALTY])
def test_what_is_no_order_is_called_by_its_name(kind: Kind) -> None:
    view = verdicts.card(Result(Verdict.NOT_AN_ORDER, "X", Reading(kind, "X")))
    assert view.headline != "Keine Bestellung"
    assert view.sentence
    assert resources.path(f"icons/{view.icon}.svg").exists()


def test_matches_give_away_little(counter: Counter) -> None:
    result = counter.scan("DHL-TWIN")
    words = [OrderPresenter().choice(known) for known in result.choices]
    assert all("Huber" not in word.replace("Hubertus", "") for word in words)
    assert "W-2001 · Karin H. · 3 Artikel" in words


def test_rows_say_what_comes_next(counter: Counter) -> None:
    rows = counter.desk.queues.rows("order", ("ready",))
    shown = {row.known.id: OrderPresenter().row(row) for row in rows}
    assert shown["W-1010"].end == "12 Tage · Verlängern oder zurücksenden"
    assert shown["W-1009"].end.endswith("Kassieren")
    assert shown["W-1001"].spoken.startswith("Fach B-07, Jörg Weiß, W-1001")
