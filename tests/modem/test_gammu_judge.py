"""Our PDUs read by gammu, and gammu's read by us, over the whole range of each field.

Two limits of gammu are stepped around: it reads no number of 20 digits (it writes them), and it puts a
NUL and chance octets after a text with characters of the alphabet's extension.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from modem import alphabet, fields
from modem.pdu import (
    Deliver,
    StatusReport,
    Submit,
    decode_incoming,
    decode_submit,
    encode_deliver,
    encode_report,
    encode_submit,
)
from modem.text import MAX_OCTETS, to_text
from tests.modem import judge

GSM, OCTETS, UCS2 = "Default_No_Compression", "8bit", "Unicode_No_Compression"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone(-timedelta(hours=3)))
GAMMU_NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)  # the judge's blank message
CHARACTERS = alphabet.BASIC.replace("\x1b", "")
EXTENDED = "".join(alphabet.EXTENSION.values())
UNITS_S = {"M": 60, "H": 3600, "D": 86400, "W": 604800}


def numbers() -> list[str]:
    """Numbers of 1 to 20 digits, international and as dialled."""
    return [sign + "".join(Random(n).choices("0123456789", k=n)) for sign in ("+", "") for n in range(1, 21)]


def frames() -> list[bytes]:
    """Octets of each length from 0 to 140."""
    return [Random(length).randbytes(length) for length in range(141)]


def texts() -> list[str]:
    """Texts of every length from 0 to 160 septets: each character of the alphabet in many places, and the extension."""
    turned = [(CHARACTERS * 3)[length % 127 :][:length] for length in range(161)]
    extended = [(EXTENDED * 16)[length % 10 :][: length // 2] + "a" * (length % 2) for length in range(161)]
    return turned + extended


def unicode_texts() -> list[str]:
    """Texts of every length from 1 to 70 UCS2 characters, without and with characters that take two."""
    return [("ñandú ЖЮ中文" * 10)[:n] + "í" for n in range(70)] + [("🚨𝄞" * 18)[:n] + "Ú" for n in range(35)]


def gammu_reads(messages: Sequence[Submit]) -> list[dict[str, Any]]:
    """What gammu sees in the PDUs of these messages, whose TPDU length is checked on the way."""
    coded = [encode_submit(message)[0] for message in messages]
    assert [len(pdu) // 2 - 1 for pdu, _ in coded] == [length for _, length in coded]
    return judge.read([pdu for pdu, _ in coded])


def gammu_writes(
    layout: str, numbers: Sequence[str], texts: Sequence[Any], coding: str = GSM, center: str = ""
) -> list[str]:
    """gammu's PDUs of each text to, or from, each number in turn."""
    fixed = {"Coding": coding, "SMSC": {"Number": center}}
    pairs = zip(numbers, texts, strict=True)
    return judge.write(layout, [{"Number": number, "Text": text} | fixed for number, text in pairs])


def came(pdus: Sequence[str]) -> list[Deliver]:
    """The messages in PDUs that are all of messages that came."""
    messages = [decode_incoming(pdu) for pdu in pdus]
    return [message for message in messages if isinstance(message, Deliver)]


def read_texts(answers: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Text and coding, as gammu read them."""
    return [(answer["Text"].partition("\0")[0], answer["Coding"]) for answer in answers]


def test_numbers_of_every_length() -> None:
    """The same numbers for both, international and national, of 1 to 20 digits, to send and as sender."""
    readable = [number for number in numbers() if len(number.removeprefix("+")) < 20]
    assert readable == [answer["Number"] for answer in gammu_reads([Submit(number, "a") for number in readable])]
    assert numbers() == [decode_submit(pdu).number for pdu in gammu_writes("Submit", numbers(), ["a"] * 40)]
    assert numbers() == [message.number for message in came(gammu_writes("Deliver", numbers(), ["a"] * 40))]


def test_names_of_senders() -> None:
    """A sender's name of 1 to 11 characters is the same for both, and known not to be a number."""
    names = ["Movistar AR"[:length] for length in range(1, 12)]
    pdus = [encode_deliver(Deliver(name, "a", NOW, named=True))[0] for name in names]
    assert names == [answer["Number"] for answer in judge.read(pdus)]
    written = came(gammu_writes("Deliver", names, ["a"] * 11))
    assert [(name, True) for name in names] == [(message.number, message.named) for message in written]


def test_validity_of_every_octet() -> None:
    """Each of the 256 periods is the same for both; the last is what gammu calls the maximum."""
    periods_s = [fields.decode_validity(octet) for octet in range(256)]
    answers = gammu_reads([Submit("+549261", "a", period_s) for period_s in periods_s])
    *read, last = [answer["SMSC"]["Validity"] for answer in answers]
    assert (periods_s[:-1], "Max") == ([int(period[:-1]) * UNITS_S[period[-1]] for period in read], last)


def test_octets_of_every_length() -> None:
    """8-bit data of 0 to 140 random octets arrives unchanged, both ways, under its reference."""
    answers = gammu_reads([Submit("+549261", frame, 600, True, reference) for reference, frame in enumerate(frames())])
    read = [(answer["Text"], answer["Coding"], answer["MessageReference"]) for answer in answers]
    assert [(frame.hex(), OCTETS, reference) for reference, frame in enumerate(frames())] == read
    written = [{"hex": frame.hex()} for frame in frames()]
    assert frames() == [decode_submit(pdu).payload for pdu in gammu_writes("Submit", ["1"] * 141, written, OCTETS)]
    assert frames() == [message.payload for message in came(gammu_writes("Deliver", ["1"] * 141, written, OCTETS))]


def test_text_of_the_alphabet() -> None:
    """Every character of the alphabet and of its extension, and every length from 0 to 160, both ways."""
    wanted = texts()
    assert [(text, GSM) for text in wanted] == read_texts(gammu_reads([Submit("+549261", text) for text in wanted]))
    assert wanted == [decode_submit(pdu).payload for pdu in gammu_writes("Submit", ["1"] * len(wanted), wanted)]


def test_text_beyond_the_alphabet() -> None:
    """Text of 1 to 70 UCS2 characters, some of them pairs, both ways."""
    wanted = unicode_texts()
    assert [(text, UCS2) for text in wanted] == read_texts(gammu_reads([Submit("+549261", text) for text in wanted]))
    assert wanted == [decode_submit(pdu).payload for pdu in gammu_writes("Submit", ["1"] * len(wanted), wanted, UCS2)]


def test_frames_as_text() -> None:
    """A frame of 1 to 120 octets as text is one message of the alphabet that gammu reads character by character."""
    wanted = [to_text(frame) for frame in frames()[1 : MAX_OCTETS + 1]]
    assert [(text, GSM) for text in wanted] == read_texts(gammu_reads([Submit("+549261", text) for text in wanted]))


def test_time_stamps() -> None:
    """Date and hour as the message center wrote them are the same for both, in each zone there can be."""
    zones = [timezone(timedelta(minutes=15 * quarters)) for quarters in range(-79, 80)]
    moments = [
        datetime(2000 + n % 90, 1 + n % 12, 1 + n % 28, n % 24, n % 60, 59 - n % 60, tzinfo=zone)
        for n, zone in enumerate(zones)
    ]
    pdus = [encode_deliver(Deliver("+549261", "a", moment))[0] for moment in moments]
    assert [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in moments] == [
        answer["DateTime"] for answer in judge.read(pdus)
    ]


def test_status_reports() -> None:
    """Both agree on every status of the standard: it arrived, it is still tried, or it failed."""
    reports = [StatusReport(status, "+5492611234567", NOW, NOW + timedelta(seconds=8), status) for status in range(128)]
    answers = judge.read([encode_report(report)[0] for report in reports])
    assert [(report.number, report.reference, report.status) for report in reports] == [
        (answer["Number"], answer["MessageReference"], answer["DeliveryStatus"]) for answer in answers
    ]
    assert {("2026-03-04 05:06:07", "2026-03-04 05:06:15")} == {
        (answer["DateTime"], answer["SMSCDateTime"]) for answer in answers
    }
    assert [not report.final for report in reports] == [answer["Text"] == "Pending" for answer in answers]
    assert (reports[0].delivered, answers[0]["Text"]) == (True, "Delivered")
    assert not any(report.delivered for report in reports[1:])


def test_the_message_center_s_number_in_front() -> None:
    """A PDU with the number of its message center in front is read like one without."""
    for center in ("", "+5491112345678", "+549111234567", "123"):
        [message] = came(gammu_writes("Deliver", ["+549261"], ["hola"], center=center))
        assert message == Deliver("+549261", "hola", GAMMU_NOW, dcs=0)


def test_parts_of_long_messages() -> None:
    """A part of a long message has the same text and place for both, whatever its header leaves before the text."""
    headers = [bytes((0, 3, 200, 5, part)) for part in range(1, 6)]
    headers += [bytes((8, 4, 1, 44, 5, part)) for part in range(1, 6)]
    headers += [bytes((0x70, length)) + bytes(length) + bytes((0, 3, 7, 2, 1)) for length in range(8)]
    for payload, dcs in (("Donde estas? x", 0), ("¿Dónde estás? 🚨", 8), ("", 0), ("a" * 140, 0)):
        parts = [Deliver("+549261", payload, NOW, dcs, udh=header) for header in headers]
        answers = judge.read([encode_deliver(part)[0] for part in parts])
        assert [payload] * len(parts) == [answer["Text"] for answer in answers]
        places = [(answer["UDH"]["AllParts"], answer["UDH"]["PartNumber"]) for answer in answers[:10]]
        assert [part.concatenation[1:] for part in parts[:10] if part.concatenation] == places
        assert parts == came([encode_deliver(part)[0] for part in parts])
