"""Errors of the gateway.

GatewayError
├── SettingsWrong      what a technician wrote or installed cannot work; exit code 2
├── CannotRun          the settings are good and the program cannot run here and now; exit code 1
├── StoreUnavailable   the disk refused; nothing was written; try again
└── NoRoom             the outbox is full; nothing was written; try again when central has confirmed some
"""


class GatewayError(Exception):
    """Anything the gateway says in one clear sentence."""


class SettingsWrong(GatewayError):
    """A setting, a key file or a certificate that cannot be used."""


class CannotRun(GatewayError):
    """Something of this machine stands in the way: another gateway holds the store, a folder is read-only."""


class StoreUnavailable(GatewayError):
    """The store could not read or write; the transaction is undone."""


class NoRoom(GatewayError):
    """No acks can be taken now; those that are kept are never given up for new ones."""
