"""Errors of the simulator, each a sentence for the tester who runs it."""


class SimulatorError(Exception):
    """Something the simulator needs is missing or did not come up; the message says what to do."""
