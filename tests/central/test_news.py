"""News of a center: the last of each kind with its true age, warnings in the log, and the words on the page."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import structlog

from central.flows.fleet import Fleet
from protocol import codes, countersign
from protocol.messages import ACK
from simulator.broker import free_port
from tests.central.rig import Installation, Rig
from tests.central.served import Served

CONSOLE = Path(__file__).resolve().parents[2] / "central" / "console" / "console.js"
# Every event that has words.
EVENTS = [status for status in range(0x20, 0x80) if not codes.status_name(status).startswith("status 0x")]
NEWS = [status for status in EVENTS if status not in codes.PRESSES]
SPANISH = {
    codes.PANIC: "botón de pánico",
    codes.SILENT_PANIC: "botón silencioso",
    codes.TAMPER: "gabinete abierto",
    codes.MAINS_LOST: "se cortó la luz",
    codes.MAINS_BACK: "volvió la luz",
    codes.BATTERY_LOW: "batería baja",
    codes.SOUNDING_LOCALLY: "suena por orden del barrio",
    codes.STOPPED_LOCALLY: "en silencio por orden del barrio",
    codes.PANIC_FOB: "llavero de pánico",
    codes.PANIC_FOB_FIXED: "llavero de pánico, código fijo (baja confianza)",
    codes.SILENT_FOB: "llavero silencioso",
    codes.SILENT_FOB_FIXED: "llavero silencioso, código fijo (baja confianza)",
    codes.BATTERY_BACK: "batería recuperada",
    codes.TAMPER_CLEARED: "gabinete cerrado",
    codes.DRIVER_FAULT: "falla en una salida",
    codes.DRIVER_BACK: "salida recuperada",
    codes.STUCK_RELAY: "relé de la sirena pegado, alimentación cortada",
    codes.UNEXPECTED_SOUNDING: "suena sin que nadie lo pida",
    codes.NOT_HEARD: "hay corriente, pero el micrófono no oye la sirena",
    codes.MOTION: "movimiento",
    codes.CHARGER_FAULT: "falla del cargador",
    codes.UPDATED: "programa actualizado",
    codes.UPDATE_FAILED: "falló la actualización del programa",
    codes.ERASED: "memoria borrada",
    codes.EVICTED: "descartó avisos para dar lugar a otros más importantes",
    codes.GROUP_STOPPED: "todas sus centrales están en silencio",
    codes.GROUP_STOP_INCOMPLETE: "hay centrales que no confirmaron que callaron",
}


def said(text: str) -> str:
    """A timeline text in the page's words: its own table, applied as the page does."""
    table = re.search(r"const WORDS = \[(.*?)\n\];", CONSOLE.read_text(), re.DOTALL)
    assert table is not None
    for pattern, flags, word in re.findall(r'\[/((?:[^/\\]|\\.)+)/(g?), "([^"]*)"\]', table[1]):
        text = re.sub(pattern, word.replace("$1", r"\1"), text, count=0 if flags else 1)
    return text


@pytest.mark.parametrize("status", NEWS)
def test_news_open_no_incident_and_are_told_with_their_age(rig: Rig, status: int) -> None:
    """Nobody is called for them; the fleet shows since when."""
    rig.ack(1, status=status, age=40)
    rig.clock.at += 5
    told = rig.fleet.describe(1, rig.clock.at)
    assert told["events"] == [{"event": codes.status_name(status), "s_ago": 45.0}]
    assert (told["event"], told["event_s_ago"], rig.reader.incidents(1)) == (codes.status_name(status), 45.0, [])


def test_the_last_of_each_kind_is_kept_the_newest_first(rig: Rig) -> None:
    """An opened cabinet is still seen after the mains came back."""
    for status, age in ((codes.TAMPER, 30), (codes.MAINS_LOST, 20), (codes.MAINS_BACK, 10), (codes.MAINS_LOST, 0)):
        rig.ack(1, status=status, age=age)
    told = [(one["event"], one["s_ago"]) for one in rig.fleet.describe(1, rig.clock.at)["events"]]
    assert told == [("mains lost", 0.0), ("mains back", 10.0), ("cabinet opened", 30.0)]


def test_an_event_told_late_does_not_hide_a_newer_one(rig: Rig) -> None:
    """It happened before, and is shown with its true age where it is the last of its kind."""
    rig.ack(1, status=codes.MAINS_BACK)
    rig.ack(1, status=codes.MAINS_LOST, age=3600)
    rig.ack(1, status=codes.MAINS_BACK, age=7200)
    told = rig.fleet.describe(1, rig.clock.at)
    assert [(one["event"], one["s_ago"]) for one in told["events"]] == [("mains back", 0.0), ("mains lost", 3600.0)]
    assert told["event"] == "mains back"


def test_an_age_at_the_end_of_its_field_is_at_least_that(rig: Rig) -> None:
    """65,535 s is as far as the wire counts: it may be days ago."""
    rig.ack(1, status=codes.TAMPER, age=65_535)
    rig.ack(1, status=codes.MOTION, age=65_534)
    motion, tamper = rig.fleet.describe(1, rig.clock.at)["events"]
    assert (motion.get("at_least"), tamper["at_least"]) == (None, True)


def test_an_event_told_again_is_as_old_as_it_was(rig: Rig) -> None:
    """The center repeats it until it is confirmed; the first telling counts."""
    octets = rig.ack(1, status=codes.TAMPER, age=10)
    rig.clock.at += 60
    rig.receive(1, octets)
    assert rig.fleet.describe(1, rig.clock.at)["event_s_ago"] == 70.0


def test_news_are_known_again_after_a_restart(rig: Rig) -> None:
    """The center was told that they are stored, and says them no more: the database says them."""
    rig.ack(1, status=codes.TAMPER, age=30)
    rig.ack(1, status=codes.PANIC_FOB, incident=1 << 63 | 1 << 32 | 2, battery=3)
    rig.clock.at += 10
    rig.ack(1, status=codes.TAMPER)
    rig.greet(1)
    incident = rig.alert().incident
    rig.ack(1, counter=1, incident=incident)
    fresh = Fleet()
    for octets, received in rig.reader.last_events():
        fresh.event(ACK.peek(countersign.unpack(octets).ack), received)
    assert fresh.describe(1, rig.clock.at)["events"] == rig.fleet.describe(1, rig.clock.at)["events"]


def test_a_restarted_service_tells_the_news_again(installation: Installation) -> None:
    """The same through the process and its API."""
    rig = Rig(installation)
    rig.clock.at = time.time()
    rig.ack(1, status=codes.TAMPER, age=1000)
    rig.close()
    served = Served(installation, free_port())
    one, *others = served.operator("GET", "/v1/centers").json()["centers"]
    served.close()
    assert (one["event"], [other["events"] for other in others]) == ("cabinet opened", [[], []])
    assert 1000 <= one["event_s_ago"] < 1060


@pytest.mark.parametrize("status", NEWS)
def test_what_somebody_has_to_look_at_is_a_warning(rig: Rig, status: int) -> None:
    """Once, with the center and its age; the rest is not."""
    with structlog.testing.capture_logs() as log:
        octets = rig.ack(1, status=status, age=9)
        rig.receive(1, octets)
    warned = [(line["center"], line["what"], line["age_s"]) for line in log if line["event"] == "center event"]
    serious = ("cabinet opened", "output driver fault", "siren relay stuck, power path cut",
               "sounding without a command", "vault erased", "messages gave way to more important ones",
               "some centers did not prove that they stopped")  # fmt: skip
    name = codes.status_name(status)
    assert warned == ([("C000001", name, 9)] if name in serious else [])
    assert [line for line in log if line["log_level"] == "warning" and line["event"] != "center event"] == []


def test_a_late_event_stands_on_the_timeline_with_its_age(rig: Rig) -> None:
    """As the center's answers do."""
    press = 1 << 63 | 1 << 32 | 5
    rig.ack(1, status=codes.PANIC, incident=press)
    rig.ack(1, status=codes.SOUNDING_LOCALLY, incident=press, outputs=1, age=7)
    assert rig.reader.entries_of(press)[-1]["text"] == "center 1: sounding, local order, 7 s ago"


@pytest.mark.parametrize("status", EVENTS)
def test_every_event_has_its_words_in_spanish(status: int) -> None:
    """Whole, with slot and age: the table's single words take none apart."""
    text = f"center 12: {codes.status_name(status)}, slot 3, 65 s ago"
    assert said(text) == f"central 12: {SPANISH[status]}, n.º 3, hace 65 s"


def test_how_a_word_travelled_is_said_in_spanish() -> None:
    """By SMS, and how long it took."""
    assert (
        said("center 1: accepted, by SMS after 9 s (counter 3)")
        == "central 1: recibido, por SMS 9 s después (contador 3)"
    )
    assert said("gateway 1: panic button, received after 40 s") == "pasarela 1: botón de pánico, llegó 40 s después"


def test_why_a_fixed_code_commands_nothing_is_said_in_spanish() -> None:
    """The entry that opens its incident, and an age at the end of its field."""
    reason = "low assurance (fixed code): operators first, no center is commanded"
    spanish = "baja confianza (código fijo): primero los operadores, no se manda nada a las centrales"
    assert said(f"alert C000001-80: {reason}") == f"alerta C000001-80: {spanish}"
    assert said("center 1: motion, at least 65535 s ago") == "central 1: movimiento, hace al menos 65535 s"


@pytest.mark.parametrize(
    ("entry", "spanish"),
    [
        (
            "C000001 is commanded by SMS too (counter 3): the broker is not connected",
            "a C000001 se le manda también por SMS (contador 3): no hay conexión con el broker",
        ),
        (
            "G000002 is told by SMS to stop its group: nothing was heard from it for 130 s",
            "a G000002 se le pide por SMS que calle a su grupo: hace 130 s que no se sabe nada de ella",
        ),
        (
            "C000001 is commanded by SMS too (counter 3): its connection broke",
            "a C000001 se le manda también por SMS (contador 3): se le cortó la conexión",
        ),
        ("alert app-fire-1: fire at home", "alerta app-fire-1: incendio en su casa"),
        (
            "alert app-1: class gender_violence at home moves nothing: operators only",
            "alerta app-1: violencia de género en su casa no mueve nada: solo operadores",
        ),
        (
            "center 1: siren for 30 s; its own button already did (counter 4)",
            "central 1: sirena por 30 s; su propio botón ya lo hizo (contador 4)",
        ),
        (
            "alert app-1: group 3 has no center: operators only",
            "alerta app-1: el grupo 3 no tiene centrales: solo operadores",
        ),
        ("test", "prueba"),
    ],
)
def test_why_and_how_something_went_is_said_in_spanish(entry: str, spanish: str) -> None:
    """The second bearer, the classes, the close: an operator reads no English."""
    assert said(entry) == spanish


def test_every_kind_of_entry_has_its_word_in_spanish() -> None:
    """The page falls back to the English one; none of central's does."""
    kinds = re.search(r"const KINDS = \{(.*?)\};", CONSOLE.read_text(), re.DOTALL)
    assert kinds is not None
    named = set(re.findall(r'(?:"([^"]+)"|(\w+)): "', kinds[1]))
    assert {"opened", "commanded", "sms", "expired", "unknown", "attention", "event", "closed"} <= {
        a or b for a, b in named
    }
