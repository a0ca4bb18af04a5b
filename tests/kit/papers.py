"""Every paper of the counter, filled with what is hard to print."""

import random
from datetime import timedelta

from posapp import papers
from posapp.domain.codes import Prefix, draw
from posapp.domain.goods import HandOver, Line
from posapp.domain.money import Money
from posapp.domain.slips import Paper, Slip, Symbology
from posapp.domain.tickets import Job, Ticket
from tests.kit.things import NOW, order

_SYLLABLES = (
    "Füll",
    "er ",
    "Größe ",
    "Straß",
    "en",
    "Ärmel ",
    "Öl",
    "Über",
    "zug ",
    "5 € ",
    "lang ",
    "Maß ",
    "band ",
)
ASCII = "".join(map(chr, range(32, 127)))


def words(dice: random.Random, most: int = 9) -> str:
    """Words full of ä ö ü ß €, without double spaces."""
    return " ".join("".join(dice.choices(_SYLLABLES, k=dice.randint(1, most))).split())


def code(dice: random.Random, prefix: Prefix) -> str:
    """One of our codes."""
    return draw(prefix, dice.randrange)


def _ticket(dice: random.Random) -> Ticket:
    return Ticket(
        code(dice, Prefix.CLAIM_TICKET),
        "B01",
        dice.choice(list(Job)),
        "Jürgen Weiß",
        words(dice),
        words(dice, 20),
        code(dice, Prefix.BAG),
        NOW,
        (),
        (NOW + timedelta(days=3)).date(),
    )


def every(dice: random.Random) -> list[Slip]:
    """One slip of each paper."""
    lines = tuple(Line(f"l{n}", words(dice), 3, price=Money(100)) for n in range(dice.randint(1, 6)))
    number = f"W-{dice.randrange(10**6)}"
    done = HandOver("ref", NOW, tuple((line.id, dice.randint(1, 3)) for line in lines), "Jürgen", "t1")
    store = words(dice, 2)
    made = [
        papers.hand_over(
            order(number, lines=lines, hand_overs=(done,)),
            done,
            store=store,
            clerk="Jürgen Weiß",
            till="Kasse 1",
        ),
        papers.claim_ticket(_ticket(dice), store=store, job="Uhr, Batterie"),
        papers.bin_label(f"{dice.choice('ABCDE')}-{dice.randint(1, 99)}", store=store),
        papers.parcel_label(number, f"LBL-{dice.randrange(10**8)}", bin_name="A3", count="1/2", store=store),
        papers.bag_tag(code(dice, Prefix.BAG), thing=words(dice, 4), promised=NOW),
        papers.counter_mat(
            [(word, f"POSAPP-{at}") for at, word in enumerate(("OK", "Zurück", "Rückgängig", "Sperren"))],
            store=store,
        ),
        papers.doctor_sheet(
            [
                ("Bitte zweimal scannen", [(Symbology.CODE128, code(dice, Prefix.PICKUP))]),
                ("Alle Zeichen für die Übersetzung", [(Symbology.QR, ASCII)]),
                ("GS1 mit Trennzeichen", [(Symbology.GS1_128, "10AB1\x1d0104006381333931")]),
            ]
        ),
        papers.trial(store),
    ]
    assert {slip.paper for slip in made} == set(Paper)
    return made
