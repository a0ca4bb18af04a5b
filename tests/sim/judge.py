"""What must hold in the store, looked at after every step: of what it touched, and of everything now and then.

No order is handed over twice under the rule; nothing that was acknowledged is lost; the shop is told of each
hand-over once, after the undo time, in the order in which the hub took them; every collision is a case; tokens
only grow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from posapp.domain import custody
from posapp.domain.facts import Answer
from sync.hub.effects import HAND_OVER, UNDO
from tests.sim.figures import HOUR, SECOND, Figures
from tests.sim.hub import Hub
from tests.sim.parts import Asked, Done, Till, Told
from tests.sim.shop import UNDO_S, Intent


class Judge:
    """``gone`` are all hand-overs of an order, whatever anybody knows of them; ``wrong`` hears of what is."""

    def __init__(self, hub: Hub, tills: Sequence[Till], found: Figures, wrong: Callable[[str], None]) -> None:
        self.hub = hub
        self.tills = tills
        self.found = found
        self.wrong = wrong
        self.gone: dict[str, list[Done]] = {}
        self.undone: dict[str, list[Done]] = {}
        self.over: deque[tuple[int, str]] = deque()
        """Orders that nobody will present any more, and since when."""
        self.spoilt: set[str] = set()
        """Orders of which a copied lead has granted, or forgotten, what nobody else knows of."""
        self._tokens: dict[int, int] = {}
        """Of each epoch the greatest token."""
        self._given: dict[str, tuple[int, int]] = {}
        """Of each order the last token, and to whom."""
        self._last_write: dict[str, int] = {}

    # -- after a step -----------------------------------------------------------------------------
    def left(self, till: Till, done: Done) -> None:
        """Goods leave."""
        self.found.handed_over += 1
        if till.forked and done.token:
            self.wrong(f"handed over under a grant by a till that knows it is another one: {done}")
        mine = self.gone.setdefault(done.order, [])
        for other in mine:
            if other.line != done.line or other.undone or self._excused(other) or self._excused(done):
                continue
            self.found.doubles += 1
            self.wrong(f"handed over twice: {other} and {done}")
        mine.append(done)

    def _excused(self, done: Done) -> bool:
        """Without a grant, or under one of an epoch that was over before the hub heard of it; or nobody could
        know of the other one, since a copied till did it or granted it. All the same it must be a case."""
        if done.provisional or done.copied or done.lost or done.order in self.spoilt:
            return True
        return custody.epoch_of(done.token) < self.hub.epoch and not done.taken

    def took_back(self, done: Done) -> None:
        """A clerk has undone a hand-over."""
        self.undone.setdefault(done.order, []).append(done)

    def granted(self, lead: Till, asked: Asked, told: Told) -> None:
        """A grantor has answered: a token is greater than all before, or the same that its holder has."""
        if told.state != "granted":
            return
        if lead.forked:
            self.wrong(f"{asked.order} granted by a till that knows it is another one")
        if lead.copied:
            self.spoilt.add(asked.order)
            return
        given = (told.token, asked.till)
        if self._given.get(asked.order) == given or asked.order in self.spoilt:
            return
        self._given[asked.order] = given
        epoch = custody.epoch_of(told.token)
        if told.token <= self._tokens.get(epoch, 0):
            self.wrong(f"token {told.token} of {asked.order} is not greater than all before")
        self._tokens[epoch] = told.token

    def copied(self, till: Till, image: Till) -> None:
        """The till is put back to this copy, or it runs beside it: what it did since is not known to both."""
        for order in {*till.book.claims, *image.book.claims}:
            if till.book.claims.get(order) != image.book.claims.get(order):
                self.spoilt.add(order)
        for many in self.gone.values():
            for done in many:
                if done.till == till.id and done.seq > image.head:
                    done.copied = True
        for one in (till, image):
            if one.lease:
                self._tokens.pop(one.lease.epoch, None)

    def forgotten(self, done: Done) -> None:
        """The only disk that knew of it was put back."""
        done.lost = True
        self.found.forgotten += bool(done.line)

    def acknowledged(self, till: Till) -> None:
        """The hub has told the till its answers: it has every fact for good."""
        for done in till.waiting:
            if done.order in self.gone and done.fact.id not in self.hub.ledger:
                self.wrong(f"acknowledged and not there: {done}")

    def taken(self, done: Done) -> None:
        """The hub has decided: what it did not take, or nobody granted, is a case, and nothing was taken twice."""
        if done.provisional or done.answer is not Answer.ACCEPTED:
            if done.fact.id not in self.hub.cases:
                self.wrong(f"no case: {done}")
        elif done.line:
            mine = self.gone.get(done.order, ())
            if len(mine) > 1:
                live = {one.ref for one in self.hub.orders[done.order].live_hand_overs()}
                if sum(one.line == done.line and one.fact.id in live for one in mine) > 1:
                    self.wrong(f"taken twice: {mine}")

    def written(self, intent: Intent, now: int) -> None:
        """The shop has done something."""
        done = self.hub.ledger.get(intent.id)
        said = self.hub.outbox.shop.done[intent.order]
        if done is None or not done.taken or done.order != intent.order:
            self.wrong(f"the shop was told of what was not taken: {intent}")
            return
        if intent.write == HAND_OVER and now < done.taken_at + UNDO_S * SECOND:
            self.wrong(f"the shop was told before the undo time was over: {done}")
        if done.taken <= self._last_write.get(intent.order, 0):
            self.wrong(f"the shop was told twice, or out of order: {said}")
        self._last_write[intent.order] = done.taken
        pieces = sum(1 if write == HAND_OVER else -1 for write, _ in said)
        if not 0 <= pieces <= len(self.hub.orders[intent.order].lines):
            self.wrong(f"the shop has {pieces} handed over: {said}")

    # -- everything -------------------------------------------------------------------------------
    def everything(self) -> None:
        """Every fact is at the hub, or waits at a till, or went with its disk; and tokens of orders agree."""
        waiting = {done.fact.id for till in self.tills for done in till.waiting}
        for about in (self.gone, self.undone):
            for many in about.values():
                for done in many:
                    if done.fact.id in self.hub.ledger:
                        if done.answer is Answer.WAITING:
                            self.wrong(f"the hub has it without an answer: {done}")
                    elif done.fact.id not in waiting and not done.lost:
                        self.wrong(f"lost: {done}")

    def judge(self, number: str) -> None:
        """Everybody knows everything of this order: each collision is a case at the hub and at every till, and the
        shop has what the hub has."""
        live: dict[str, list[Done]] = {}
        for done in self.gone.get(number, ()):
            refused = done.provisional or done.answer is not Answer.ACCEPTED
            if refused and not done.lost and not self._shown(done):
                self.wrong(f"no case: {done}")
            if not done.undone and not done.lost:
                live.setdefault(done.line, []).append(done)
        for many in live.values():
            if len(many) > 1:
                self.found.collisions += len(many) - 1
                told = sum(self._shown(done) for done in many)
                taken = sum(done.taken > 0 for done in many)
                self.found.shown += min(told, len(many) - 1)
                if told < len(many) - 1 or taken > 1:
                    self.wrong(f"handed over twice and not shown: {many}")
        self._same_in_the_shop(number)

    def _shown(self, done: Done) -> bool:
        ident = done.fact.id
        return ident in self.hub.cases and all(ident in till.cases for till in self.tills)

    def _same_in_the_shop(self, number: str) -> None:
        said = self.hub.outbox.shop.done.get(number, [])
        order = self.hub.orders[number]
        if len(said) == len(order.hand_overs) == 1 and said[0] == (HAND_OVER, order.hand_overs[0].ref):
            if not order.hand_overs[0].undone:
                return
        elif not said and not order.hand_overs:
            return
        refused = any(d.refused for d in (*self.gone.get(number, ()), *self.undone.get(number, ())))
        wanted = {one.ref for one in order.live_hand_overs()}
        has = {ref for write, ref in said if write == HAND_OVER} - {
            ref for write, ref in said if write == UNDO
        }
        if has != wanted and not refused:
            self.wrong(f"the shop has {said}, the hub {order.hand_overs}")

    def agree(self) -> None:
        """After healing: each till's copy is the hub's, and it shows the same orders, but for those with a case."""
        for till in self.tills:
            shows = {number: till.know(number) for number in self.hub.orders if number not in self.hub.open}
            apart = [number for number, order in shows.items() if order != self.hub.orders[number]]
            if apart or till.mirror != self.hub.orders or till.cases != self.hub.cases:
                self.wrong(f"till {till.id} does not show what the hub does: {apart[:3]}")

    # -- what is over -----------------------------------------------------------------------------
    def retire(self, now: int) -> None:
        """Forget orders that everybody has done with, so that memory does not grow."""
        while self.over and self.over[0][0] < now - HOUR:
            _, number = self.over[0]
            if not self._everybody_knows(number):
                return
            self.over.popleft()
            self.judge(number)
            self._forget(number)

    def _everybody_knows(self, number: str) -> bool:
        if number in self.hub.outbox.open:
            return False
        for done in (*self.gone.get(number, ()), *self.undone.get(number, ())):
            if done.answer is Answer.WAITING and not done.lost:
                return False
            if any(one is done for till in self.tills for one in till.waiting):
                return False
        place = self.hub.place[number]
        return all(till.cursor >= place and not till.copied and not till.forked for till in self.tills)

    def _forget(self, number: str) -> None:
        hub = self.hub
        for one in (*self.gone.pop(number, ()), *self.undone.pop(number, ())):
            hub.ledger.pop(one.fact.id, None)
            if one.answer is Answer.ACCEPTED and not one.provisional:
                continue
            hub.cases.discard(one.fact.id)
            for till in self.tills:
                till.cases.discard(one.fact.id)
                till.turned_down.discard(one.fact.id)
        for till in self.tills:
            till.mirror.pop(number, None)
            till.own.pop(number, None)
            till.granted.pop(number, None)
            till.book.claims.pop(number, None)
            till.volatile.discard(number)
        self._given.pop(number, None)
        self._last_write.pop(number, None)
        self.spoilt.discard(number)
        hub.place.pop(number, None)
        hub.orders.pop(number, None)
        hub.book.claims.pop(number, None)
        hub.question.pop(number, None)
        hub.open.discard(number)
        hub.outbox.shop.done.pop(number, None)
