"""A place to try a scanner: what really arrived, and how the devices stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from posapp.domain.codes import elapsed_ms, read
from posapp.texts import N_, _
from ui.device_words import standing
from ui.theme import Face
from ui.tokens import GAP

if TYPE_CHECKING:
    from posapp.domain.codes import Scan
    from ui.theme import Theme

_KINDS = {
    "pickup": N_("pickup code"),
    "bin": N_("bin"),
    "bag": N_("service bag"),
    "claim_ticket": N_("claim ticket"),
    "badge": N_("staff badge"),
    "loyalty": N_("loyalty card"),
    "command": N_("counter mat"),
    "token": N_("signed pickup code"),
    "gtin": N_("product"),
    "parcel": N_("parcel label"),
    "free": N_("free text: order number or parcel label"),
    "unreadable": N_("unreadable"),
}


class RawScan(QWidget):
    """The last scan as it came, byte for byte; it leads nowhere."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._scan: Scan | None = None
        self._devices: dict[str, object] = {}
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = QLabel(self)
        self._title.setProperty("kind", "section")
        self._hint = QLabel(self)
        self._hint.setProperty("kind", "muted")
        self.text = QLabel(self)
        self.details = QLabel(self)
        self._states = QLabel(self)
        self._column = QVBoxLayout(self)
        for label in (self._title, self._hint, self.text, self.details, self._states):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            self._column.addWidget(label)
        self._column.addStretch(1)
        self._column.addWidget(self._states)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_scan(self, scan: Scan) -> None:
        """Show one scan."""
        self._scan = scan
        self.retranslate()

    def show_device(self, state: object) -> None:
        """Show how a device stands; whatever has a name, a state and a reason."""
        self._devices[str(getattr(state, "name", ""))] = state
        self.retranslate()

    def retranslate(self) -> None:
        """Set every text again."""
        self._title.setText(_("Try the scanner"))
        self._hint.setText(_("Scan any code now. Here it is only shown, nothing else happens."))
        self._states.setText("\n".join(standing(state) for state in self._devices.values()))
        scan = self._scan
        if scan is None:
            self.text.setText("")
            self.details.setText("")
            return
        self.text.setText(scan.text or _("(nothing)"))
        reading = read(scan)
        steps = max(1, len(scan.text) - 1)
        pace = elapsed_ms(scan.first_ms, scan.last_ms) / steps
        rows = (
            (_("Means"), _(_KINDS[reading.kind.value])),
            (_("Device"), scan.device),
            (_("Characters"), str(len(scan.text))),
            (_("Between keys"), _("{pace} ms").format(pace=round(pace))),
            (_("Bytes"), scan.raw[:48].hex(" ")),
        )
        self.details.setText("\n".join(f"{label}: {value}" for label, value in rows))

    def _restyle(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(px(20), px(16), px(20), px(16))
        self._column.setSpacing(px(GAP))
        self.text.setFont(self._theme.font(Face.BIN_30))
