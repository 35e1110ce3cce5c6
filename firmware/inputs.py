"""Buttons: debounce and hold as pure state machines, fed with a level and the time. Called by app."""

DEBOUNCE_MS = 30
HOLD_MS = 1500


class Button:
    """`update` answers True once for each press that was held for `hold_ms`."""

    def __init__(self, hold_ms=HOLD_MS):
        self._hold_ms = hold_ms
        self._level = False  # debounced
        self._raw = False
        self._raw_since = 0
        self._since = 0
        self._raised = False

    def update(self, pressed, now_ms):
        """One look at the button."""
        if pressed != self._raw:
            self._raw = pressed
            self._raw_since = now_ms
        if self._raw != self._level and now_ms - self._raw_since >= DEBOUNCE_MS:
            self._level = self._raw
            self._since = self._raw_since
            self._raised = False
        if self._level and not self._raised and now_ms - self._since >= self._hold_ms:
            self._raised = True
            return True
        return False


class Latch:
    """A button that an interrupt looks at, so that a hold while the program was busy is not lost.

    `sample` counts looks, `period_ms` apart, and takes no memory; `level` is what the program is shown: the button, and
    after a whole hold the pressed state for long enough that Button counts it too.
    """

    def __init__(self, hold_ms, period_ms):
        self._needed = hold_ms // period_ms
        self._shown_ms = hold_ms + 500
        self._count = 0
        self._whole = False
        self._until_ms = None

    def sample(self, pressed):
        """One look by the interrupt."""
        if not pressed:
            self._count = 0
        elif self._count < self._needed:
            self._count += 1
            if self._count == self._needed:
                self._whole = True

    def level(self, pressed, now_ms):
        """One look by the program."""
        if self._whole:
            self._whole = False
            self._until_ms = now_ms + self._shown_ms
        if self._until_ms is not None and now_ms >= self._until_ms:
            self._until_ms = None
        return bool(pressed) or self._until_ms is not None
