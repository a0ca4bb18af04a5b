"""A signed code through everything: signed by the hub, its keys heard by the till, asked for where it is unknown."""

from pathlib import Path

from sync.hub import operator
from tests.kit.front import open_front
from tests.kit.shop import Shop
from ui.view import Tone


def test_a_signed_code_opens_its_order_once_and_another_stores_says_where(shop: Shop, till: Path) -> None:
    _code, number = shop.take("ready")
    mine = operator.token(shop.url, number)
    there = next(order["number"] for order in operator.orders(shop.url) if order["store"] == "B02")
    foreign = operator.token(shop.url, there)
    with open_front(till) as front:
        front.online()
        front.until(lambda: front.app.books.record("store", "B01").get("token_keys"), what="keys")
        assert front.scan(mine).tone in (Tone.GREEN, Tone.AMBER)
        front.shows(number, Tone.GREEN)
        front.hand_over()
        assert front.scan(mine).tone is Tone.RED
        forged = mine[:-1] + ("2" if mine[-1] != "2" else "3")
        assert front.scan(forged).headline == "Code not genuine"
        assert front.card.primary is None
        front.scan(foreign)
        front.until(lambda: front.card.headline == "Other store", what="another store's")
        assert front.card.facts
