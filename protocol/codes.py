"""Numbers on the wire and the words for them, one place for both ends.

The tables are the contract of docs/protocol.md; a number, once shipped, never changes its meaning.
"""

# Who speaks with authority over a center. Each has its own keys, counters, window and budget.
CENTRAL = 0
LOCAL = 1
DRILL = 2
AUTHORITIES = (CENTRAL, LOCAL, DRILL)

# Outputs of a center, a bit mask.
SIREN = 0x01
STROBE = 0x02
FLOODLIGHT = 0x04
INDICATOR = 0x08
OUTPUTS = (SIREN, STROBE, FLOODLIGHT, INDICATOR)
OUTPUT_NAMES = {SIREN: "siren", STROBE: "strobe", FLOODLIGHT: "floodlight", INDICATOR: "indicator"}
# What a neighbour can hear or see from the street; a silent class moves none of these.
LOUD = SIREN | STROBE | FLOODLIGHT

# The second switch in the siren's supply, behind its own relay. Never in a frame: the center works it for itself.
POWER = 0x10

# Flags of a command: which signal is meant. The durations of all but the first are the center's own.
BY_CLASS = 0
SHORT = 1
ALL_CLEAR = 2
TEST = 3

# Action octet of a command.
STOP = 0x00  # every output of the center goes off, whatever incident switched it on
PROBE = 0x01  # nothing moves; the ack proves the whole path
ERASE = 0x02  # the vault is erased: keys, settings, journal; the center must be commissioned again
ACTIVATE = 0x10  # or-ed with the mask of outputs

# Class octets of the five default classes; a municipality may define others from 16 upwards.
GENERAL = 1
MEDICAL = 2
GENDER_VIOLENCE = 3
BICYCLE_THEFT = 4
FIRE = 5

# Status octet of an ack about a command (0x01 to 0x0F done, 0x80 to 0xFF refused with a reason).
ACCEPTED = 0x01
SOUNDING = 0x02
STOPPED = 0x03
FAILED = 0x04
REFUSED = 0x80
WRONG_ADDRESSEE = 0x81
STALE = 0x82
FUTURE = 0x83
TOO_OLD = 0x84
NOT_SYNCHRONISED = 0x85
CLASS_SILENT = 0x86
BUDGET_SPENT = 0x87
UPDATING = 0x88
UNKNOWN_ACTION = 0x89
RETAINED = 0x8A
DRILL_IS_SILENT = 0x8B

# Status octet of an event (an ack whose counter is 0): the center speaks without being asked.
PANIC = 0x20
SILENT_PANIC = 0x21
TAMPER = 0x22
MAINS_LOST = 0x23
MAINS_BACK = 0x24
BATTERY_LOW = 0x25
SOUNDING_LOCALLY = 0x26
STOPPED_LOCALLY = 0x27
# Of these four the battery field of the ack holds the fob's slot. A fixed code can be recorded and sent by anybody.
PANIC_FOB = 0x28
PANIC_FOB_FIXED = 0x29
SILENT_FOB = 0x2A
SILENT_FOB_FIXED = 0x2B
BATTERY_BACK = 0x2C
TAMPER_CLEARED = 0x2D
DRIVER_FAULT = 0x2E
DRIVER_BACK = 0x2F
STUCK_RELAY = 0x30
UNEXPECTED_SOUNDING = 0x31
NOT_HEARD = 0x32
MOTION = 0x33
CHARGER_FAULT = 0x34
UPDATED = 0x35
UPDATE_FAILED = 0x36
ERASED = 0x37
# What only a gateway says of itself; the battery field of the ack holds the number.
EVICTED = 0x38
GROUP_STOPPED = 0x39
GROUP_STOP_INCOMPLETE = 0x3A

LOUD_PRESSES = (PANIC, PANIC_FOB, PANIC_FOB_FIXED)
SILENT_PRESSES = (SILENT_PANIC, SILENT_FOB, SILENT_FOB_FIXED)
PRESSES = LOUD_PRESSES + SILENT_PRESSES
FOB_PRESSES = (PANIC_FOB, PANIC_FOB_FIXED, SILENT_FOB, SILENT_FOB_FIXED)

# How an ack travelled from the gateway.
BEARER_MQTT = 1
BEARER_SMS = 2

# Flags of a heartbeat.
BEAT_MAINS = 0x01
BEAT_TAMPER = 0x02
BEAT_SYNCHRONISED = 0x04
BEAT_BATTERY_LOW = 0x08


def refused(status: int) -> bool:
    """Whether an ack's status octet says that the center did not obey."""
    return status >= REFUSED


def event(status: int) -> bool:
    """Whether a status octet is an event of the center's own."""
    return 0x20 <= status < REFUSED


def status_name(status: int) -> str:
    """The words for a status octet, also for one that a newer center may send."""
    # Only where words are wanted: a center says numbers, and has no memory to spare for all of them.
    from protocol.words import STATUS_NAMES

    return STATUS_NAMES.get(status) or ("refused: 0x%02x" % status if refused(status) else "status 0x%02x" % status)


def output_names(mask: int) -> str:
    """The outputs in a mask, joined by commas; `none` for an empty one."""
    return ", ".join([OUTPUT_NAMES[bit] for bit in OUTPUTS if mask & bit]) or "none"
