"""Cards and themes that the tests of the toolkit share; the words are what a German clerk reads."""

from __future__ import annotations

from ui.view import Action, CardView, Fact, Line, LineState, Sound, Tone

HAND_OVER = Action("hand_over", "Übergeben", "F12", "check")
PARTIAL = Action("partial", "Teilweise", "F7")
SLIP = Action("slip", "Beleg drucken", "F6", "printer")

READY = CardView(
    tone=Tone.GREEN,
    icon="circle-check",
    headline="Übergeben möglich",
    sound=(Sound.GO,),
    bin="B-07",
    bin_label="Fach",
    name="Jörg Weiß",
    code="PU-7K3M-2Q",
    facts=(Fact("Pakete", "1 von 1"), Fact("Bezahlt", "Kreditkarte")),
    lines=(
        Line("Automatikuhr 40 mm", "1×", LineState.RIGHT),
        Line("Lederband braun", "2×", LineState.OPEN, "Seriennummer wird erfasst"),
    ),
    consequence="Beruht auf: Code gescannt, bezahlt. Danach: Shop bucht, Kunde erhält Mail.",
    primary=HAND_OVER,
    secondary=(PARTIAL, SLIP),
)
COLLECTED = CardView(
    tone=Tone.RED,
    icon="package-off",
    headline="Bereits abgeholt",
    sound=(Sound.STOP,),
    name="Aleksandra Wiśniewska-Großschmidt",
    facts=(Fact("Zuerst", "20.11.2026, 17:42"), Fact("Durch", "M. Yılmaz")),
    stale="Stand vor 4 min",
)
LONGEST = CardView(
    tone=Tone.AMBER,
    icon="packages",
    headline="Unbekanntes Etikett, Reparaturannahme zuständig",
    bin="REGAL-12B",
    bin_label="Fach",
    name="Maximiliane-Charlotte von Hohenzollern-Sigmaringen-Donaudampfschifffahrt",
    code="PU-7K3M-2Q",
    band="Geschenk: Preisschild entfernen. Zerbrechlich, bitte nur liegend übergeben.",
    stale="Stand vor 4 min; offline sicher",
    facts=(
        Fact("Frühestens voraussichtlich lieferbar", "Montag, 23. November 2026, vormittags"),
        Fact("Noch zu zahlen", "1.218,75 €"),
    ),
    lines=tuple(
        Line(
            f"Position {number}: Saphirglas-Taucheruhr mit Edelstahlgliederbandverlängerung",
            f"{number}×",
            list(LineState)[number % len(LineState)],
            "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        )
        for number in range(12)
    ),
    consequence="Beruht auf: Code gescannt. Danach: Shop bucht Teillieferung, Kunde erhält Mail.",
    primary=Action("hand_over", "Teillieferung übergeben", "F12", "check"),
    secondary=(
        Action("message", "Nachricht anbieten", "F8", "mail"),
        Action("wait", "Zurückstellen", "Esc"),
    ),
)
HEADLINES = (
    "Übergeben möglich",
    "Erst Hinweis lesen",
    "Abholung mit Pass",
    "Rest übergeben",
    "Nur 1 von 2 Paketen da",
    "Da, noch ohne Fach",
    "Noch nicht da",
    "Frage beantworten",
    "Noch zu zahlen",
    "Frist ist vorbei",
    "Mehrere Treffer",
    "Bereits abgeholt",
    "Nicht bezahlt",
    "Storniert",
    "Geht zurück",
    "Schon retourniert",
    "Andere Filiale",
    "Code ersetzt",
    "Pass widerrufen",
    "Andere Kasse zuständig",
    "Klärfall offen",
    "Unbekannter Code",
    "Code unlesbar",
    "Zu viele Versuche",
    "Alles vollständig",
    "Falscher Artikel",
    "Angekommen",
    "Unbekanntes Etikett",
    "Inzwischen storniert",
    "Fertig zur Rückgabe",
)
