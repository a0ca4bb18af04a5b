"""What a result card shows, as values. No Qt here: screens and tests build these freely.

All words in a view are already in the clerk's language; the widgets add none of their own.
"""

from __future__ import annotations

from enum import StrEnum

from posapp.domain.values import dataclass


class Tone(StrEnum):
    """How a result stands. One tone is one colour; icon and headline tell results apart."""

    GREEN = "green"
    AMBER = "amber"
    NEUTRAL = "neutral"
    RED = "red"
    DONE = "done"


class Sound(StrEnum):
    """The till's own sounds; each is a WAV file of that name."""

    GO = "go"
    LOOK = "look"
    INFO = "info"
    STOP = "stop"
    DONE = "done"
    TICK = "tick"
    CHIME = "chime"
    ALARM = "alarm"


class LineState(StrEnum):
    """How one line of an order stands in the hand-over."""

    PLAIN = "plain"
    OPEN = "open"
    RIGHT = "right"
    WRONG = "wrong"
    GONE = "gone"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Action:
    """Something the clerk can do now. `key` is printed on the button: "F12"."""

    id: str
    text: str
    key: str = ""
    icon: str = ""
    enabled: bool = True

    @property
    def label(self) -> str:
        """The words on the button."""
        return f"{self.text}  {self.key}" if self.key else self.text

    @property
    def spoken(self) -> str:
        """What a screen reader says."""
        return f"{self.text} ({self.key})" if self.key else self.text


@dataclass(frozen=True, slots=True)
class Fact:
    """One row "label: value"."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order: what it is, how many or how much, and a remark."""

    text: str
    amount: str = ""
    state: LineState = LineState.PLAIN
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """Everything the result card shows.

    `amount` is money to take now, shown large. `sentence` says what to do now. `band` asks for
    attention, `stale` tells the age of the data, `consequence` what the primary action rests on and
    leads to. `sound` is played one after the other. `stays` is how many seconds until the card may
    clear itself; None stays until an action, Escape or the next scan.
    """

    tone: Tone
    icon: str
    headline: str
    sound: tuple[Sound, ...] = ()
    bin: str = ""
    bin_label: str = ""
    name: str = ""
    code: str = ""
    amount: str = ""
    sentence: str = ""
    facts: tuple[Fact, ...] = ()
    lines: tuple[Line, ...] = ()
    band: str = ""
    stale: str = ""
    consequence: str = ""
    primary: Action | None = None
    secondary: tuple[Action, ...] = ()
    stays: float | None = None
    accessible: str = ""

    @property
    def spoken(self) -> str:
        """What a screen reader announces: headline, name, code, bin, then what must not be missed."""
        if self.accessible:
            return self.accessible
        place = f"{self.bin_label} {self.bin}".strip()
        parts = (
            self.headline,
            self.amount,
            self.name,
            self.code,
            place,
            self.sentence,
            self.band,
            self.stale,
        )
        return ", ".join(part for part in parts if part)

    @property
    def detail(self) -> str:
        """The rest of the card in reading order, for a screen reader that asks for more."""
        facts = (f"{fact.label}: {fact.value}" for fact in self.facts)
        lines = (", ".join(p for p in (ln.amount, ln.text, ln.note) if p) for ln in self.lines)
        return ". ".join(part for part in (*facts, *lines, self.consequence) if part)
