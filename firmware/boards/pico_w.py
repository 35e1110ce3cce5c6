"""Raspberry Pi Pico W in the alarm cabinet: which GPIO does what. Read by firmware.board.

Outputs are high for on and have pull-downs at the drivers, so a processor in reset switches nothing on. Behind the siren
stands a hardware timer that no software reaches.
"""

SIREN = 2
STROBE = 3
FLOODLIGHT = 4
INDICATOR = 5

# Comparators on the current of each output: high when it flows.
SIREN_SENSE = 6
STROBE_SENSE = 7
FLOODLIGHT_SENSE = 8
INDICATOR_SENSE = 9

# Buttons and the cabinet's contact close to ground; the contact is closed while the cabinet is.
PANIC = 10
SILENT = 11
CABINET = 12
# High while the mains supply is there.
MAINS = 13

BATTERY = 26
# Full scale of the converter behind the divider of 47 kOhm over 10 kOhm.
BATTERY_FULL_MV = 3300 * 57 // 10

# The RP2040's watchdog counts to 8,388 ms at most.
WATCHDOG_MS = 8000
