"""The `machine` of a chip: pins, timers, converter, watchdog and clock, refusing what the real ports refuse. For chip."""


def machine(chip):
    """The module, as an object with its names."""
    from tests.firmware.chip import Names

    hard_timers = chip.platform == "rp2"

    class Pin:
        OUT, IN, PULL_UP, PULL_DOWN, IRQ_RISING, IRQ_FALLING = 1, 0, 1, 2, 4, 8

        def __init__(self, number, mode=-1, pull=0, value=None):
            self.number = number
            if mode == Pin.OUT:
                chip.pwm.pop(number, None)
                chip.events.append(("out", number, value))
                chip.levels[number] = value or 0
            elif mode == Pin.IN:
                chip.levels[number] = 1 if pull == Pin.PULL_UP else 0

        def value(self, level=None):
            if level is not None:
                chip.levels[self.number] = level
            return chip.levels[self.number]

        def irq(self, handler, trigger, **how):
            if not hard_timers and how:
                raise TypeError("extra keyword arguments given")
            chip.events.append(("irq", self.number, trigger, how.get("hard", False)))
            chip.handlers[self.number] = (handler, self)

    class Pwm:
        def __init__(self, pin, freq, duty_u16):
            self._number = pin.number
            chip.events.append(("pwm", pin.number, freq))
            chip.pwm[pin.number] = duty_u16

        def duty_u16(self, duty):
            # What a pin was given back for no longer swings it.
            if self._number in chip.pwm:
                chip.pwm[self._number] = duty

    class Timer:
        ONE_SHOT, PERIODIC = 0, 1

        def __init__(self, number):
            if hard_timers != (number == -1) or number > 3:
                raise ValueError("Timer doesn't exist")

        def init(self, period, mode, callback, hard=False):
            if hard and not hard_timers:
                raise ValueError("hard Timers are not implemented")
            if self in chip.timers:
                chip.timers.remove(self)
            self.period, self.mode, self.callback, self.hard = period, mode, callback, hard
            self.due_us = chip.now_us + period * 1000
            chip.timers.append(self)

    class Uart:
        """What is sent comes back at once, as through a transceiver that hears itself."""

        def __init__(self, number, baud, tx, rx, rxbuf):
            # The functions of the RP2040's pins are fixed; the other port routes any.
            if hard_timers and (tx.number, rx.number) not in ((0, 1), (12, 13), (16, 17)):
                raise ValueError("bad TX pin")
            chip.events.append(("uart", number, baud, tx.number, rx.number, rxbuf))
            self._waiting = b""

        def any(self):
            return len(self._waiting)

        def read(self):
            octets, self._waiting = self._waiting, b""
            return octets or None

        def write(self, octets):
            chip.events.append(("sent", octets))
            self._waiting += octets

        def flush(self):
            chip.events.append(("flushed",))

    class Adc:
        ATTN_11DB = 3

        def __init__(self, pin, **how):
            if pin.number not in ((26, 27, 28) if hard_timers else range(1, 11)):
                raise ValueError("Pin doesn't have ADC capabilities")
            if how != ({} if hard_timers else {"atten": 3}):
                raise TypeError("extra keyword arguments given")
            self._number = pin.number

        def _mv(self):
            if not hard_timers:
                return chip.mv[(1, 2, 4, 5, 6, 7, 8, 9).index(self._number)]
            if self._number == 26:
                return chip.mv[7]
            return chip.mv[chip.levels[7] | chip.levels[8] << 1 | chip.levels[9] << 2]

    def read_u16(self):
        return min(self._mv() * 0xFFFF // 3000, 0xFFFF)

    def read_uv(self):
        return min(self._mv(), 3100) * 1000

    # Only one of the two is there on each port.
    setattr(Adc, "read_u16" if hard_timers else "read_uv", read_u16 if hard_timers else read_uv)

    class Watchdog:
        def __init__(self, timeout):
            if hard_timers and timeout > 8388:
                raise ValueError("timeout exceeds 8388")
            chip.events.append(("watchdog", timeout))

        def feed(self):
            chip.events.append(("feed",))

    class Clock:
        def datetime(self, value):
            chip.wall = value

    causes = {"PWRON_RESET": 1, "WDT_RESET": 3}
    if not hard_timers:
        causes.update({"HARD_RESET": 2, "DEEPSLEEP_RESET": 4, "SOFT_RESET": 5})
    return Names(
        Pin=Pin, PWM=Pwm, Timer=Timer, ADC=Adc, WDT=Watchdog, RTC=Clock, UART=Uart,
        reset=lambda: chip.events.append(("reset",)), reset_cause=lambda: chip.cause, **causes,
    )  # fmt: skip
