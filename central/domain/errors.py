"""Errors of central.

CentralError
├── Refused             do not try again as it is: the message says what to change
│   ├── UnknownClass
│   └── NotFound
└── Unavailable         try again later
    └── StoreUnavailable  nothing was saved, and nobody was told that it was
"""


class CentralError(Exception):
    """Anything central says no to."""


class Refused(CentralError):
    """The request cannot be done as it is."""


class UnknownClass(Refused):
    """An alert of a class that this installation does not define."""


class NotFound(Refused):
    """No such incident, alert, group or device."""


class Unavailable(CentralError):
    """It may work later."""


class StoreUnavailable(Unavailable):
    """The database did not take it; nothing was saved."""
