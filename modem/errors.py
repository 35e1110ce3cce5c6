"""Errors of a modem.

ModemError
├── Unavailable    the port, the modem or the network is not there now; nothing was sent; try again
├── Refused        the modem, the card or the network said no; the same again gets the same answer
└── Unknown        a message was given to the modem and no answer came: perhaps it was sent; do not call it failed
"""


class ModemError(Exception):
    """Anything a modem did that its user must know, in one clear sentence."""


class Unavailable(ModemError):
    """No answer, no port or no network; the attempt may be repeated as it is."""


class Refused(ModemError):
    """An answer that says no: `ERROR`, `+CME ERROR` or `+CMS ERROR` (3GPP TS 27.007 9.2, TS 27.005 3.2.5).

    `code` is the answer's number, None where the modem gave none; `text` is the answer as the modem wrote it.
    """

    def __init__(self, code: int | None, text: str) -> None:
        super().__init__(f"the modem or the network refused: {text}")
        self.code = code
        self.text = text


class Unknown(ModemError):
    """A message left for the modem and neither `+CMGS` nor a refusal came back."""
