"""Errors of the installer; each is one sentence that says what to do."""


class InstallerError(Exception):
    """What was asked for could not be done, or does not verify: exit code 1."""


class WrongUse(InstallerError):
    """What was asked for makes no sense, or a file that was named is not one: exit code 2."""
