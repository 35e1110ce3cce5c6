"""The center's settings: what may be set, where a value comes from, and that damage and power cuts never mix two versions."""

from firmware.settings import SCHEMA, Settings
from tests.both.flash import TORN, Flash, Mounted, PowerCut, Ram, formatted, littlefs, on

FOB = {"slot": 1, "kind": 2, "id": 0x1234567, "action": "panic", "button": 0, "key": "5cec6701b79fd949", "counter": 7}
# sha256 of "name=\nhold_ms=1500\n...report_s=3600\n", the schema's order.
DEFAULTS = "f8f590f0"
FIXED = {"slot": 2, "kind": 1, "id": 0xABCDE, "action": "silent", "button": 0}


def loaded(flash=None, device=None):
    """Settings as a program has them after its start."""
    flash = flash or Flash()
    settings = Settings("", flash, flash.open)
    settings.load(device or {})
    return settings


def test_every_default_is_allowed_and_explained():
    """The schema keeps its own rules; what rows say can be typed in again."""
    settings = loaded()
    rows = settings.rows()
    assert [row[0] for row in rows] == [row[0] for row in SCHEMA]
    for name, value, allowed, explanation in rows:
        assert allowed, name
        assert explanation, name
        assert settings.set(name, value) is None, name
        assert [row[1] for row in settings.rows() if row[0] == name] == [value]
    assert settings.get("hold_ms") == 1500
    assert settings.get("mains_defer_s") == 120
    assert settings.get("battery_ah") == 7
    assert settings.get("report_s") == 3600
    assert settings.get("microphone") is False


def test_every_range_is_kept_at_both_ends():
    """The ends themselves are allowed, one beyond is refused with a sentence, and the value stays."""
    settings = loaded()
    for name, kind, _, allowed, _ in SCHEMA:
        if kind != "whole number":
            continue
        low, high = allowed
        for value in (low, high):
            assert settings.set(name, str(value)) is None, name
            assert [row[1] for row in settings.rows() if row[0] == name] == [str(value)]
        before = settings.rows()
        for text in (str(low - 1), str(high + 1), "", "x", "1.5", "1e3", "0x10", "1_0", "+1", "\u0661", "9" * 40):
            problem = settings.set(name, text)
            assert problem == "%s must be a whole number from %d to %d, not '%s'" % (name, low, high, text)
        assert settings.rows() == before


def test_words_are_taken_as_people_type_them():
    """Yes and no in several words, choices without regard to case; anything else is told what is allowed."""
    settings = loaded()
    for text, value in (("yes", True), (" No", False), ("ON", True), ("off", False), ("true", True), ("0", False)):
        assert settings.set("rf", text) is None
        assert settings.get("rf") is value
    assert settings.set("rf", "maybe") == "rf must be yes or no, not 'maybe'"
    assert settings.set("tamper", "Erase ") is None
    assert settings.get("tamper") == "erase"
    assert settings.set("tamper", "explode") == "tamper must be report or erase, not 'explode'"
    assert settings.set("chemistry", "") is not None
    assert settings.set("siren", "pwm") is None
    assert settings.set("colour", "red").startswith("there is no setting colour; there are: name, hold_ms, ")


def test_a_name_is_one_printable_line():
    """40 characters of any script; nothing that moves a console's cursor."""
    settings = loaded()
    assert settings.set("name", "Plaza Godoy Cruz, esquina ñandú") is None
    assert settings.set("name", "ñ" * 40) is None
    for text in ("ñ" * 41, "a\nb", "\x1b[2J", "\x7f", "\x9b2J"):
        assert settings.set("name", text) is not None, text
    assert settings.get("name") == "ñ" * 40


def test_what_is_read_together_is_read_together():
    """Currents by output, those that are known; no value for a name that nobody knows."""
    settings = loaded(None, {"settings": {"nominal_ma": {"siren": 900, "strobe": 0}}})
    assert settings.set("nominal_ma.floodlight", "2500") is None
    assert settings.get("nominal_ma") == {"siren": 900, "floodlight": 2500}
    assert loaded().get("nominal_ma") == {}
    assert settings.get("no_such_setting") is None
    assert settings.get("nominal") is None


def test_flash_wins_over_enrolment_and_enrolment_over_the_schema():
    """Value by value: what was not set here follows a new enrolment."""
    flash = Flash()
    device = {"settings": {"hold_ms": 900, "battery_ah": 12}}
    settings = loaded(flash, device)
    assert settings.get("hold_ms") == 900
    settings.set("hold_ms", "700")
    assert settings.save()
    settings = loaded(flash, {"settings": {"hold_ms": 1000, "battery_ah": 18}})
    assert (settings.get("hold_ms"), settings.get("battery_ah"), settings.get("beat_s")) == (700, 18, 60)


def test_bad_values_from_anywhere_are_told_and_not_used():
    """Of enrolment and of flash; the sentence holds no value, which might be a secret."""
    flash = Flash()
    device = {
        "settings": {"hold_ms": 1, "rf": 1, "beat_s": True, "name": 5, "siren": None, "key": "hush", "test_hour": 4}
    }
    settings = Settings("", flash, flash.open)
    problems = settings.load(device)
    assert len(problems) == 6
    assert "hush" not in "".join(problems)
    assert settings.get("test_hour") == 4
    assert settings.get("key") is None
    assert settings.get("hold_ms") == 1500
    assert settings.get("beat_s") == 60
    settings._set = {"hold_ms": 10, "beat_s": 30}
    assert settings.save()
    again = Settings("", flash, flash.open)
    assert len(again.load({"settings": []})) == 1
    assert (again.get("hold_ms"), again.get("beat_s")) == (1500, 30)


def test_damage_falls_back_to_the_other_slot_and_then_to_enrolment():
    """Any octet of the newest slot; both slots; nothing raises."""
    flash = Flash()
    settings = loaded(flash)
    for value in ("1000", "2000"):
        settings.set("hold_ms", value)
        settings.fobs = [FIXED]
        assert settings.save()
    newest = next(name for name in flash.files if loaded(Flash({name: flash.files[name]})).get("hold_ms") == 2000)
    whole = flash.files[newest]
    for at in range(len(whole)):
        flash.files[newest] = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        assert loaded(flash).get("hold_ms") == 1000, at
        flash.files[newest] = whole[:at]
        assert loaded(flash).get("hold_ms") == 1000, at
    flash.files = {name: b"\xff" * 200 for name in flash.files}
    settings = loaded(flash, {"settings": {"hold_ms": 800}})
    assert settings.get("hold_ms") == 800
    assert settings.fobs == []
    assert settings.save()


def test_a_whole_file_of_something_else_is_damage():
    """The digest is right, the content is not."""
    for body in (
        b"",
        b"{}",
        b"[]",
        b"5",
        b'{"values":[],"fobs":[]}',
        b'{"values":{},"fobs":[1]}',
        b'{"values":{}}',
        b"\xff",
    ):
        flash = Flash()
        settings = loaded(flash)
        settings.set("beat_s", "20")
        assert settings.save()
        settings._slots.write(body)
        assert loaded(flash).get("beat_s") == 20, body


def test_the_digest_tells_configurations_apart_and_nothing_else():
    """The same on every interpreter and for every way to the same values; a press of a fob does not change it."""
    settings = loaded()
    assert settings.digest() == DEFAULTS
    seen = [settings.digest()]
    for name, text in (("name", "ñandú"), ("hold_ms", "1501"), ("rf", "yes"), ("nominal_ma.siren", "900")):
        assert settings.set(name, text) is None
        seen.append(settings.digest())
    assert (
        loaded(
            None, {"settings": {"name": "ñandú", "hold_ms": 1501, "rf": True, "nominal_ma": {"siren": 900}}}
        ).digest()
        == seen[-1]
    )
    settings.fobs = [dict(FOB)]
    seen.append(settings.digest())
    settings.fobs[0]["counter"] = 8
    assert settings.digest() == seen[-1]
    settings.fobs[0]["key"] = "00" * 8
    seen.append(settings.digest())
    assert len(set(seen)) == len(seen)
    assert [len(one) for one in seen] == [8] * len(seen)


def test_a_digest_gives_no_code_of_a_fob_away():
    """It depends on the root key of the center, so that the million codes cannot be tried."""
    digests = []
    for root in ("00" * 32, "11" * 32):
        settings = loaded(None, {"root": root})
        assert settings.digest() == DEFAULTS
        settings.fobs = [dict(FIXED)]
        digests.append(settings.digest())
    assert digests[0] != digests[1]


def test_no_row_holds_anything_of_a_fob():
    """Neither its key nor its code."""
    settings = loaded()
    before = settings.rows()
    settings.fobs = [dict(FOB), dict(FIXED)]
    assert settings.rows() == before


def change(settings, number):
    """A version of values and fobs that belong together."""
    settings.set("hold_ms", str(1000 + number))
    settings.set("name", "versión %d" % number)
    settings.fobs = [dict(FOB, counter=number), dict(FIXED)]


def version(settings):
    """Which version it is; fails when two are mixed."""
    number = settings.get("hold_ms") - 1000
    if number == 500:
        assert settings.fobs == []
        return 0
    assert settings.get("name") == "versión %d" % number
    assert settings.fobs == [dict(FOB, counter=number), dict(FIXED)]
    return number


def test_a_cut_at_every_operation_leaves_one_whole_version():
    """With every kind of torn write: the version before or the one being written, and the next save works."""
    for torn in TORN:
        died, dies_at = True, 0
        while died:
            dies_at += 1
            flash = Flash(None, torn)
            flash.dies_at = dies_at
            written = 0
            try:
                settings = loaded(flash)
                for number in range(1, 6):
                    change(settings, number)
                    assert settings.save()
                    written = number
                died = False
            except PowerCut:
                pass
            flash.dies_at = None
            settings = loaded(flash)
            assert written <= version(settings) <= written + 1, (dies_at, written)
            change(settings, 9)
            assert settings.save()
            assert version(loaded(flash)) == 9
        assert dies_at == 16


def test_a_flash_that_refuses_is_told():
    """Save says False; the values count until the power goes, and can be saved later."""
    flash = Flash()
    settings = loaded(flash)
    flash.refuses = True
    change(settings, 3)
    assert not settings.save()
    assert version(settings) == 3
    flash.refuses = False
    assert version(loaded(flash)) == 0
    assert settings.save()
    assert version(loaded(flash)) == 3


def test_littlefs_cut_at_every_block_operation():
    """The same on the real file system of a board (MicroPython only)."""
    if not littlefs():
        return
    dies_at, written = 0, 0
    while written < 4:
        device = formatted()
        device.left = dies_at
        done = [0]

        def life():
            settings = loaded(Mounted())
            for number in range(1, 5):
                change(settings, number)
                if not settings.save():
                    return
                done[0] = number  # noqa: B023

        on(device, life)
        written = done[0]
        found = []
        assert on(Ram(device.data), lambda: found.append(version(loaded(Mounted())))) is None  # noqa: B023
        assert written <= found[0] <= written + 1, (dies_at, written, found)
        dies_at += 1
    assert dies_at > 20
