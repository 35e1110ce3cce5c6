"""What the cabinets of all boards have in common, as data: channels, scales, and the time that relays need. Used by board and meter.

One module per board beside this one: its pins, timers and converter. `boot.py` and `main.py` are for the root of its flash.
"""

import sys

# By a name of our own: type checkers take sys.platform for the machine that they run on.
PLATFORM = sys.platform

# Channels of what is measured; currents are 0 to 3, in the order of protocol.codes.OUTPUTS. Nothing reads the charger yet.
MICROPHONE, LIGHT, CHARGER, BATTERY = 4, 5, 6, 7

# Each output's mA at 1 V behind its INA180A1 (20 V/V): shunts of 15 mOhm, 50 mOhm, 15 mOhm and 1 Ohm.
MA_PER_V = (3333, 1000, 3333, 50)
# What the amplifier shows of no current is taken at the start, with the outputs off; more than this is no offset.
ZERO_MOST_MV = 60
# Noise of amplifier and converter: 20 mA of the siren, 6 of the strobe. What is below it is no current.
FLOOR_MV = 6
# Beyond this the amplifier is at its rail: the current is more than it can show, and is told as a short circuit's.
FULL_MV = 2800
OVER_MA = 20000

# Divider of 47 kOhm over 10 kOhm.
BATTERY_MUL, BATTERY_DIV = 57, 10

# Rectified microphone (electret of -44 dBV/Pa, MAX9814 at 40 dB with its AGC off) in mV: dB outside, where the cabinet's
# wall takes 15 of them. Steps of 5 dB; what is beyond the last is clipped.
SOUND_DB = ((10, 70), (18, 75), (32, 80), (56, 85), (100, 90), (178, 95), (316, 100), (562, 105), (891, 109))
QUIET_DB = 60
# The light sensor's divider gives this when it is as light as it gets.
LIGHT_MV = 2800

# The siren's supply closes first, so that one relay never makes and breaks for both.
POWER_SETTLE_MS = 20
# From the coil to the contact: data sheets of small relays say 8 to 10 ms.
RELAY_MS = 10
