"""The sample shop's goods, and the names its customers are made of. All invented."""

from __future__ import annotations

from typing import NamedTuple


class Product(NamedTuple):
    """A product: ``barcode`` is an EAN-13 with its check digit, the price is in cents."""

    sku: str
    title: str
    barcode: str
    price_minor: int


def _ean13(body: str) -> str:
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(body))
    return f"{body}{-total % 10}"


_GOODS = (
    ("NL-38-SB", "Nordlicht 38 Automatik, schwarz", 89900),
    ("NL-40-BL", "Nordlicht 40 Automatik, blau", 94900),
    ("NL-36-WS", "Nordlicht 36 Quarz, weiß", 34900),
    ("HF-42-ST", "Hafenuhr 42 Taucher, Stahl", 129000),
    ("HF-39-GR", "Hafenuhr 39 Taucher, grün", 119000),
    ("KR-41-CH", "Kranich 41 Chronograph", 159000),
    ("KR-34-RG", "Kranich 34, rosévergoldet", 27900),
    ("FK-SOLAR", "Feldkirch Solar, Funkwerk", 19900),
    ("FK-TITAN", "Feldkirch Titan, 10 bar", 24900),
    ("MO-PHASE", "Möwe Mondphase, Leder", 44900),
    ("BD-20-BR", "Lederband 20 mm, braun", 4900),
    ("BD-20-SW", "Lederband 20 mm, schwarz", 4900),
    ("BD-18-CG", "Lederband 18 mm, cognac", 4500),
    ("BD-22-KA", "Kautschukband 22 mm, schwarz", 3900),
    ("BD-20-MI", "Milanaiseband 20 mm, Stahl", 5900),
    ("BD-20-NA", "Natoband 20 mm, oliv", 2400),
    ("RG-54-SI", "Ring Silber, Größe 54", 7900),
    ("RG-58-GO", "Ring Gold 585, Größe 58", 42900),
    ("OH-PERLE", "Ohrstecker Süßwasserperle", 6900),
    ("OH-CREOL", "Creolen Silber, 20 mm", 5400),
    ("KT-ANKER", "Kette Silber, Anker 45 cm", 8900),
    ("KT-HERZ", "Kette mit Herzanhänger", 12900),
    ("AR-TENNI", "Tennisarmband, Zirkonia", 14900),
    ("PF-ETUI2", "Uhrenetui für zwei Uhren", 3900),
)

PRODUCTS = tuple(
    Product(sku, title, _ean13(f"42{position:010d}"), price)
    for position, (sku, title, price) in enumerate(_GOODS, start=7100)
)

# fmt: off
FIRST_NAMES = (
    "Anna", "Jürgen", "Sabine", "Björn", "Käthe", "Mehmet", "Özlem",
    "Günther", "Zoë", "Lukas", "Mia", "Jörg", "Bärbel", "Emil",
    "Hülya", "Sören", "Ayşe", "Thomas", "Ursula", "André", "Märta",
    "Felix", "Renée", "Helga", "Paul", "Nuñez", "Ingrid", "Karl-Heinz",
    "Chloé", "Désirée", "Władysław", "Irina", "Götz", "Lena", "Noah",
    "Friederike", "Max", "Rüdiger", "Theresa", "Ömer",
)
# fmt: on
# fmt: off
LAST_NAMES = (
    "Müller", "Schröder", "Weiß", "Groß", "Köhler", "Bäcker", "Jäger",
    "König", "Lüders", "Strauß", "Böhm", "Krüger", "Özdemir", "Schäfer",
    "Hübner", "Yılmaz", "Förster", "Günther", "Vögele", "Preuß", "Möller",
    "Büttner", "Kästner", "Löwe", "Großmann", "Süß", "Kühn", "Schütz",
    "Türk", "Lindner", "Nguyễn", "Kowalski", "Petrović", "Öztürk", "Bergström",
    "Dąbrowski", "Wagner", "Fuchs", "Sauer", "Heß", "Maaß", "Voß",
    "Röhrig", "Dörr", "Brühl", "Zöllner",
)
# fmt: on
