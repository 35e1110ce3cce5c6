"""How outputs pulse, as data, and which pulse a command asks for. Pure; called by activation.

Temporal-3 is for fire and nothing else (ISO 8201: three pulses of 0.5 s, then 1.5 s of silence). Strobes flash at 1.25 Hz:
within 1 to 2 Hz, the range that does not provoke seizures (EN 54-23, NFPA 72 18.5).
"""

from protocol.codes import (
    ALL_CLEAR,
    BICYCLE_THEFT,
    BY_CLASS,
    FIRE,
    GENERAL,
    MEDICAL,
    SHORT,
    SIREN,
    STROBE,
    TEST,
)  # fmt: skip

# A cadence is a tuple of milliseconds, on and off in turn; it repeats for as long as the activation lasts.
STEADY = (1000, 0)
TEMPORAL_3 = (500, 500, 500, 500, 500, 1500)
SLOW = (1500, 1500)
FAST = (400, 400)
STROBE_1_25_HZ = (200, 600)
TWO_CHIRPS = (150, 250, 150, 60000)
ONE_CHIRP = (500, 60000)

SIREN_BY_CLASS = {GENERAL: STEADY, MEDICAL: SLOW, BICYCLE_THEFT: FAST, FIRE: TEMPORAL_3}
# Signals that are not the class's own: (cadence of the siren, longest duration in seconds).
SIREN_BY_SIGNAL = {SHORT: (STEADY, 3), ALL_CLEAR: (TWO_CHIRPS, 2), TEST: (ONE_CHIRP, 2)}


def cadence_of(output, class_code, signal=BY_CLASS):
    """The cadence of one output; an unknown loud class sounds like the general one."""
    if output == SIREN:
        if signal in SIREN_BY_SIGNAL:
            return SIREN_BY_SIGNAL[signal][0]
        return SIREN_BY_CLASS.get(class_code, STEADY)
    if output == STROBE:
        return STROBE_1_25_HZ
    return STEADY


def longest_s(signal):
    """The longest that a signal lasts, in seconds; None where the class's own duration counts."""
    found = SIREN_BY_SIGNAL.get(signal)
    return found[1] if found else None


def known(signal):
    """Whether a command's flags name a signal of the contract."""
    return signal == BY_CLASS or signal in SIREN_BY_SIGNAL
