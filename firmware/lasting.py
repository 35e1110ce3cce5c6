"""A level that counts once it has lasted. Pure; used by supervision for what it tells, every tick, so it takes no memory."""


class Lasting:
    """A level that lasts: `on` after `on_ms` of it, off after `off_ms` without; steps are worth `step_ms` at most.

    On its way on, pauses of up to `pause_ms` are not counted, but forgiven.
    """

    def __init__(self, on_ms, off_ms, pause_ms=0, step_ms=500):
        self.on = False
        self.on_ms = on_ms
        self._off_ms = off_ms
        self._pause_ms = pause_ms
        self._step_ms = step_ms
        self._ms = self._pause = 0

    def update(self, level, step_ms):
        """One look, `step_ms` after the one before; whether `on` changed with it."""
        if level == self.on:
            if self._ms:
                self._pause += step_ms
                if self.on or self._pause > self._pause_ms:
                    self._ms = 0
            return False
        self._pause = 0
        self._ms += min(step_ms, self._step_ms)
        if self._ms < (self._off_ms if self.on else self.on_ms):
            return False
        self.on = level
        self._ms = 0
        return True

    def anew(self):
        """Nothing was seen."""
        self.on = False
        self._ms = 0
