"""How outputs pulse, as data, and the level of each at a moment. Pure; called by center.

Temporal-3 is for fire and nothing else (ISO 8201: three pulses of 0.5 s, then 1.5 s of silence). Strobes flash at 1.25 Hz:
within 1 to 2 Hz, the range that does not provoke seizures (EN 54-23, NFPA 72 18.5).
"""

from protocol.codes import BICYCLE_THEFT, FIRE, FLOODLIGHT, GENERAL, INDICATOR, MEDICAL, SIREN, STROBE

# A cadence is a tuple of (on ms, off ms); the sequence repeats for as long as the activation lasts.
STEADY = ((1000, 0),)
TEMPORAL_3 = ((500, 500), (500, 500), (500, 1500))
SLOW = ((1500, 1500),)
FAST = ((400, 400),)
STROBE_1_25_HZ = ((200, 600),)
CHIRP = ((150, 60000),)

SIREN_CADENCES = {GENERAL: STEADY, MEDICAL: SLOW, BICYCLE_THEFT: FAST, FIRE: TEMPORAL_3}


def cadence_of(output, class_code):
    """The cadence of one output for a class; an unknown loud class sounds like the general one."""
    if output == SIREN:
        return SIREN_CADENCES.get(class_code, STEADY)
    if output == STROBE:
        return STROBE_1_25_HZ
    return STEADY


def on_at(cadence, since_ms):
    """Whether a cadence is in an on phase `since_ms` after it began."""
    at = since_ms % sum([on + off for on, off in cadence])
    for on, off in cadence:
        if at < on:
            return True
        at -= on + off
        if at < 0:
            return False
    return False


def levels(outputs, class_code, since_ms):
    """The mask of outputs that are on at this moment of an activation."""
    mask = 0
    for output in (SIREN, STROBE, FLOODLIGHT, INDICATOR):
        if outputs & output and on_at(cadence_of(output, class_code), since_ms):
            mask |= output
    return mask
