"""Fobs: who is believed, how often a fixed code may sound, and what pairing refuses. On both interpreters."""

from firmware.fobs import DAY_S, HOUR_S, REPORT_S, WITHIN_DAY, WITHIN_HOUR, Fobs, Press, decrypt, fob_key
from firmware.radio import FIXED, ROLLING
from tests.both.transmitter import Random, encrypt

MAKER = "0123456789abcdef"
SERIAL = 0xEE2B949
# Of the maker's key and the serial: it opens the hopping code that was published with both (see below).
KEY = "e8780163bb1e9542"
FIXED_ID = 0x5C3A1


def rolling(counter, buttons=1, serial=SERIAL, key=KEY, discrimination=None, inner=None):
    """The code of one press; what is encrypted can be made to differ from what is open."""
    plain = (buttons if inner is None else inner) << 28 | counter
    plain |= (serial & 0x3FF if discrimination is None else discrimination) << 16
    return ROLLING, (serial, buttons, encrypt(plain, int(key, 16)))


def fixed(identity=FIXED_ID, buttons=1):
    """The code of one press."""
    return FIXED, identity << 4 | buttons


def entry(slot, kind=FIXED, id=FIXED_ID, action="panic", button=0, counter=100):
    """A fob as the vault keeps it."""
    made = {"slot": slot, "kind": kind, "id": id, "action": action, "button": button}
    if kind == ROLLING:
        made.update({"id": SERIAL, "key": KEY, "counter": counter})
    return made


def one_rolling(**fields):
    """The fobs of a center that knows one rolling fob, its last counter 100."""
    return Fobs([entry(7, ROLLING, **fields)])


def test_the_cipher_gives_what_was_published():
    """Two vectors of the reference implementation, and one decrypted hopping code of li0ard's keeloq."""
    key = "5cec6701b79fd949"
    for plain, cipher in ((0xF741E2DB, 0xE44F4CDF), (0x0CA69B92, 0xA6AC0EA2)):
        assert decrypt(cipher, key) == plain
        assert encrypt(plain, int(key, 16)) == cipher
    assert decrypt(0xF16C47A6, MAKER) == 0x21EB000A


def test_the_key_of_a_fob_opens_what_was_published():
    """Normal learning: a maker's key, a serial and a hopping code with what it holds, as li0ard's keeloq has them."""
    assert fob_key(MAKER, SERIAL) == KEY
    assert decrypt(0xC2BE08B0, KEY) == 0x11490006
    fobs = Fobs([])
    assert fobs.pair((ROLLING, (SERIAL, 1, 0xC2BE08B0)), maker_key=MAKER) == (1, "")
    assert fobs.entries()[0]["counter"] == 6


def test_the_cipher_undoes_the_encryption_of_anything():
    """Random blocks and keys."""
    random = Random(5)
    for _ in range(20):
        words = [random.below(65536) for _ in range(6)]
        plain = words[0] << 16 | words[1]
        key = "%04x%04x%04x%04x" % tuple(words[2:])
        assert decrypt(encrypt(plain, int(key, 16)), key) == plain
    for bad in ("", "00", "00" * 7, "00" * 9, "zz" * 8):
        try:
            decrypt(0, bad)
        except ValueError:
            continue
        raise AssertionError(bad)


def test_who_is_unknown_is_nobody():
    """Another id, the same number as the other kind, no fobs at all."""
    fobs = Fobs([entry(1), entry(7, ROLLING)])
    for code in (fixed(FIXED_ID + 1), (FIXED, 0), rolling(101, serial=SERIAL + 1), (ROLLING, (FIXED_ID, 1, 5))):
        assert fobs.heard(code, 0) is None
        assert Fobs([]).heard(code, 0) is None
    assert not fobs.changed


def test_a_rolling_press_is_believed_once():
    """Its counter is to be stored before anything moves; the same code again, or any older one, is a replay."""
    fobs = one_rolling()
    assert fobs.heard(rolling(101), 0) == Press(7, "panic", "rolling", True, "")
    assert fobs.changed
    assert fobs.entries()[0]["counter"] == 101
    fobs.changed = False
    for counter in (101, 100, 90, 0, 101 - 1000 & 0xFFFF, 101 + 32769 & 0xFFFF):
        assert fobs.heard(rolling(counter), 0) is None, counter
        assert fobs.heard(rolling(counter), 0) is None, counter
    assert not fobs.changed
    # What was stored is all that a restarted center knows, and it is enough.
    assert Fobs(fobs.entries()).heard(rolling(101), 0) is None
    assert Fobs(fobs.entries()).heard(rolling(102), 0).sounds


def test_a_recording_of_old_presses_is_never_believed():
    """Every press that was believed, played again in its order, two and two in a row: refused for good."""
    fobs = one_rolling(counter=0xFFF8)
    recorded = [rolling((0xFFF9 + at) & 0xFFFF) for at in range(20)]
    assert [fobs.heard(code, 0) is not None for code in recorded] == [True] * 20
    assert [code for code in recorded * 2 if fobs.heard(code, 0)] == []


def test_sixteen_presses_out_of_reach_are_forgiven():
    """Also over the counter's turn; the seventeenth asks for two in a row."""
    for last in (100, 0xFFF7):
        for ahead, believed in ((1, True), (16, True), (17, False), (32768, False)):
            fobs = one_rolling(counter=last)
            assert (fobs.heard(rolling(last + ahead & 0xFFFF), 0) is not None) == believed, ahead
            assert fobs.changed == believed


def test_far_ahead_takes_two_in_a_row():
    """The second press is believed; one that does not follow the first begins anew, and the same one is no second."""
    fobs = one_rolling()
    assert fobs.heard(rolling(5000), 0) is None
    assert fobs.heard(rolling(5000), 0) is None
    assert fobs.heard(rolling(5002), 0) is None
    assert fobs.entries()[0]["counter"] == 100
    assert fobs.heard(rolling(5003), 0).sounds
    assert fobs.entries()[0]["counter"] == 5003
    # Both were one within 32768 ahead, or not at all.
    fobs = one_rolling()
    assert fobs.heard(rolling(100 + 32768), 0) is None
    assert fobs.heard(rolling(100 + 32769), 0) is None
    # A press within reach ends it.
    fobs = one_rolling()
    assert fobs.heard(rolling(5000), 0) is None
    assert fobs.heard(rolling(101), 0).sounds
    assert fobs.heard(rolling(5001), 0) is None


def test_what_is_encrypted_must_fit_what_is_open():
    """Another key, other ten bits of the serial, another button inside: not this fob, and nothing changes."""
    fobs = one_rolling()
    spoiled = (
        rolling(101, key="e8780163bb1e9543"),
        rolling(101, discrimination=(SERIAL ^ 1) & 0x3FF),
        rolling(101, discrimination=(SERIAL ^ 0x200) & 0x3FF),
        rolling(101, buttons=3, inner=1),
    )
    for code in spoiled:
        assert fobs.heard(code, 0) is None
    assert not fobs.changed
    assert fobs.heard(rolling(101), 0).sounds


def test_only_the_buttons_of_the_mask_count():
    """Another button of a rolling fob moves nothing, yet its counter is used up."""
    fobs = Fobs([entry(1, button=6), entry(7, ROLLING, button=6)])
    assert fobs.heard(fixed(buttons=1), 0) is None
    assert fobs.heard(fixed(buttons=8), 0) is None
    assert fobs.heard(rolling(101, buttons=9), 0) is None
    assert fobs.changed
    assert fobs.heard(rolling(101, buttons=9), 0) is None
    assert fobs.heard(fixed(buttons=2), 0).sounds
    assert fobs.heard(rolling(102, buttons=5), 0).sounds


def test_a_silent_press_never_sounds():
    """Rolling or fixed, it is told and spends nothing; of a fixed fob once a minute."""
    fobs = Fobs([entry(1, action="silent"), entry(7, ROLLING, action="silent")])
    assert fobs.heard(rolling(101), 0) == Press(7, "silent", "rolling", False, "silent")
    assert fobs.heard(fixed(), 0) == Press(1, "silent", "fixed", False, "silent")
    assert fobs.heard(fixed(), REPORT_S - 1) is None
    assert fobs.heard(fixed(), REPORT_S) == Press(1, "silent", "fixed", False, "silent")
    assert fobs.spent == []


def test_a_rolling_fob_is_not_counted():
    """Its presses cannot be recorded: they sound as often as a person presses, and leave the fixed fobs theirs."""
    fobs = Fobs([entry(1), entry(7, ROLLING)])
    for at in range(10):
        assert fobs.heard(rolling(101 + at), at).sounds
    assert fobs.spent == []
    assert fobs.heard(fixed(), 10).sounds


def test_a_fixed_fob_sounds_once_an_hour():
    """A second press is told without sounding, at most once a minute; a restart changes nothing of it."""
    fobs = Fobs([entry(1)])
    assert fobs.heard(fixed(), 1000) == Press(1, "panic", "fixed", True, "")
    assert fobs.changed
    assert fobs.spent == [(1000, 1)]
    fobs.changed = False
    assert fobs.heard(fixed(), 1000 + REPORT_S - 1) is None
    assert fobs.heard(fixed(), 1000 + REPORT_S) == Press(1, "panic", "fixed", False, WITHIN_HOUR)
    assert fobs.heard(fixed(), 1000 + 2 * REPORT_S - 1) is None
    assert not fobs.changed
    fobs = Fobs(fobs.entries(), [list(one) for one in fobs.spent])
    assert fobs.heard(fixed(), 999 + HOUR_S) == Press(1, "panic", "fixed", False, WITHIN_HOUR)
    # What was told a second ago does not hold back what may sound.
    assert fobs.heard(fixed(), 1000 + HOUR_S) == Press(1, "panic", "fixed", True, "")


def test_all_fixed_fobs_sound_twice_a_day():
    """Whichever they are; the third is told with the reason, each fob's once a minute."""
    fobs = Fobs([entry(slot, id=slot) for slot in range(1, 6)])
    assert fobs.heard(fixed(1), 0).sounds
    assert fobs.heard(fixed(2), 10).sounds
    assert fobs.heard(fixed(3), 20) == Press(3, "panic", "fixed", False, WITHIN_DAY)
    assert fobs.heard(fixed(4), 21) == Press(4, "panic", "fixed", False, WITHIN_DAY)
    assert fobs.heard(fixed(3), 22) is None
    assert fobs.heard(fixed(1), HOUR_S) == Press(1, "panic", "fixed", False, WITHIN_DAY)
    assert not fobs.heard(fixed(5), DAY_S - 1).sounds
    assert fobs.heard(fixed(5), DAY_S).sounds
    assert not fobs.heard(fixed(4), DAY_S).sounds
    assert fobs.heard(fixed(4), DAY_S + 10).sounds


def test_no_history_of_fixed_presses_sounds_more_often():
    """Random presses, restarts, pairing and unpairing: never two of a slot in an hour, never three in a day."""
    random = Random(6)
    fobs = Fobs([entry(slot, id=slot) for slot in range(1, 5)])
    sounded = []
    now_s = 0
    for _ in range(3000):
        now_s += random.below(600)
        slot = 1 + random.below(4)
        if random.below(20) == 0:
            fobs = Fobs(fobs.entries(), fobs.spent)
        if random.below(50) == 0 and fobs.unpair(slot):
            assert fobs.pair(fixed(slot)) == (slot, "")
        press = fobs.heard(fixed(slot), now_s)
        if press and press.sounds:
            sounded.append((now_s, press.slot))
            assert len([at for at, _ in sounded if now_s - at < DAY_S]) <= 2
            assert len([at for at, who in sounded if who == press.slot and now_s - at < HOUR_S]) == 1
    assert len(sounded) > 10


def test_pairing_takes_the_next_free_slot():
    """A fob that was unpaired leaves its slot to the next; `changed` says that there is something to store."""
    fobs = Fobs([entry(1), entry(3, ROLLING)])
    assert fobs.pair(fixed(5), "silent", 2) == (2, "")
    assert fobs.changed
    assert fobs.entries()[2] == {"slot": 2, "kind": FIXED, "id": 5, "action": "silent", "button": 2}
    assert fobs.pair(fixed(6)) == (4, "")
    fobs.changed = False
    assert fobs.unpair(1)
    assert fobs.changed
    assert not fobs.unpair(1)
    assert fobs.heard(fixed(), 0) is None
    assert fobs.pair(fixed()) == (1, "")
    assert fobs.heard(fixed(), 0).sounds
    # What was remembered of the fob before is not the next one's; what the slot spent stays spent.
    assert fobs.heard(rolling(5000), 0) is None
    assert fobs.unpair(1) and fobs.unpair(3)
    assert fobs.pair(fixed(8)) == (1, "")
    assert fobs.pair(rolling(200), maker_key=MAKER) == (3, "")
    assert fobs.heard(fixed(8), 1) == Press(1, "panic", "fixed", False, WITHIN_HOUR)
    assert fobs.heard(rolling(5001), 1) is None


def test_a_paired_rolling_fob_is_believed_from_the_next_press_on():
    """The press that paired it is no alert, nor is a recording of it."""
    fobs = Fobs([])
    assert fobs.pair(rolling(0xFFFF), maker_key=MAKER) == (1, "")
    made = {"slot": 1, "kind": ROLLING, "id": SERIAL, "action": "panic", "button": 0, "key": KEY, "counter": 0xFFFF}
    assert fobs.entries() == [made]
    assert fobs.heard(rolling(0xFFFF), 0) is None
    assert fobs.heard(rolling(0), 0) == Press(1, "panic", "rolling", True, "")


def test_pairing_refuses_with_a_sentence():
    """A known fob, another maker's key or none, a word that is no action, a 33rd fob: nothing changes."""
    fobs = Fobs([entry(slot, id=slot) for slot in range(1, 32)])
    refused = (
        (fobs.pair(fixed(9)), "already in slot 9"),
        (fobs.pair(rolling(1)), "needs its maker's key"),
        (fobs.pair(rolling(1), maker_key="0123"), "needs its maker's key"),
        (fobs.pair(rolling(1), maker_key="0123456789abcdee"), "not the key"),
        (fobs.pair(fixed(77), "loud"), "panic or silent"),
        (fobs.pair(fixed(77), "panic", 16), "4 bits"),
    )
    for (slot, problem), words in refused:
        assert slot == 0
        assert words in problem, problem
    assert not fobs.changed
    assert fobs.pair(fixed(32)) == (32, "")
    slot, problem = fobs.pair(fixed(33))
    assert slot == 0
    assert "all 32 slots" in problem
    assert len(fobs.entries()) == 32


def test_what_a_caller_holds_is_no_part_of_the_fobs():
    """Entries come in and go out as copies: a change of them changes no fob."""
    given = [entry(1)]
    fobs = Fobs(given)
    given[0]["id"] = 9
    fobs.entries()[0]["id"] = 9
    assert fobs.entries() == [entry(1)]
