"""What is said of printers, display, card terminal and scanners, and of what a check of one found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from posapp.domain.devices import Check, Device
from posapp.domain.errors import Unavailable
from posapp.texts import N_, _, sentence
from ui.view import Tone

if TYPE_CHECKING:
    from posapp.domain.devices import Checked

TITLES = {
    Device.PRINTER: N_("Receipt printer and drawer"),
    Device.LABELS: N_("Label printer"),
    Device.DISPLAY: N_("Customer display"),
    Device.TERMINAL: N_("Card terminal"),
    Device.SCANNERS: N_("Scanners on a cable, separated by commas"),
}
EXAMPLES = {
    Device.PRINTER: "tcp://192.168.1.40:9100",
    Device.LABELS: "tcp://192.168.1.41?kind=zpl",
    Device.DISPLAY: "serial:/dev/ttyUSB0?dialect=epson",
    Device.TERMINAL: "tcp://192.168.1.50:20007",
    Device.SCANNERS: "/dev/serial/by-id/…",
}
TESTS = {
    Device.PRINTER: (N_("Test print"), "printer"),
    Device.LABELS: (N_("Test print"), "printer"),
    Device.DISPLAY: (N_("Check"), "check"),
    Device.TERMINAL: (N_("Check"), "check"),
    Device.SCANNERS: (N_("Check the scanner"), "scan"),
}
_WRONG = {
    Device.PRINTER: N_(
        "That is no address of a printer. One over the network looks like {example}, others like "
        "serial:/dev/…, usb:04b8:0e15 or system:Name. What was in use stays in use."
    ),
    Device.LABELS: N_(
        "That is no address of a label printer. One over the network looks like {example}; kind is zpl, "
        "brother or escpos. What was in use stays in use."
    ),
    Device.DISPLAY: N_(
        "That is no address of a display. One looks like {example}; dialect is epson or cd5220. "
        "What was in use stays in use."
    ),
    Device.TERMINAL: N_(
        "That is no address of a card terminal. One looks like {example}. What was in use stays in use."
    ),
    Device.SCANNERS: N_(
        "One of these is no address of a scanner. One looks like {example}, others like COM3, "
        "evdev:/dev/input/by-id/…, x11:Name, hidpos:0c2e:0b81 or camera:. What was in use stays in use."
    ),
}
_WORKS = {
    Device.PRINTER: N_("The test slip was printed."),
    Device.LABELS: N_("The test label was printed."),
    Device.TERMINAL: N_("The terminal answers."),
}
_SENT = {
    Device.DISPLAY: N_("Two lines were sent. Please look at the display: it never answers by itself."),
}
_SENT_TO_PAPER = N_("It was sent; this printer does not tell what became of it. Please look at the paper.")
_LATER = {
    "terminal-later": N_("Kept. A card payment is not settled yet, so this holds from the next start."),
    "scanners-given": N_("Kept. This time the scanners were named at the start, and those are in use."),
}
_FAILED = {
    "display-unreachable": N_(
        "The display cannot be reached. Please check its power, its cable and its address."
    ),
    "device-failed": N_("posapp could not try it out. Please call support."),
}
_REASONS = {
    "busy": N_("another program uses it"),
    "denied": N_("this user may not open it"),
    "missing": N_("not plugged in"),
    "lost": N_("unplugged"),
    "failed": N_("does not answer"),
    "stopped": N_("switched off"),
    "modem_manager": N_("ModemManager has it; posapp's udev rule is not in place"),
    "brltty": N_("the Braille service has it"),
    "library": N_("what talks to it is not installed"),
    "unsupported": N_("not on this system"),
}


class Said(NamedTuple):
    """A sentence with the tone and the icon it is shown by."""

    text: str
    tone: Tone
    icon: str


def said(found: Checked) -> Said:
    """What a check found, and what to do."""
    device = found.device
    match found.check:
        case Check.WRONG:
            text = _(_WRONG[device]).format(example=EXAMPLES[device])
            return Said(text, Tone.AMBER, "alert-triangle")
        case Check.FITS:
            text = _("In use from now on.") if found.address else _("None is used from now on.")
            later = _LATER.get(found.reason)
            text = _(later) if later else text
            return Said(text, Tone.NEUTRAL, "info-circle")
        case Check.WORKS:
            return Said(_(_WORKS[device]), Tone.GREEN, "circle-check")
        case Check.SENT:
            return Said(_(_SENT.get(device, _SENT_TO_PAPER)), Tone.NEUTRAL, "eye")
        case Check.FAILED:
            known = _FAILED.get(found.reason)
            return Said(
                _(known) if known else sentence(Unavailable(found.reason)), Tone.RED, "alert-triangle"
            )


def standing(state: object) -> str:
    """How a device stands, by whatever has a name, a state and a reason."""
    name = str(getattr(state, "name", ""))
    if name == "sound":
        name = _("Sound")
    reason = str(getattr(state, "reason", "") or "")
    words = {"up": _("ready"), "stale": _("silent"), "down": _("not ready")}
    how = words.get(str(getattr(state, "state", "")), _("not ready"))
    known = _REASONS.get(reason)
    return f"{name}: {how}" + (f" ({_(known)})" if known else "")
