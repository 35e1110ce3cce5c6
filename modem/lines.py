"""What a modem says, cut into lines and prompts (3GPP TS 27.007 4.1, TS 27.005 3.5.1).

Called by `modem.at` with whatever the port gave, cut anywhere. It knows no command: an echo is a line like another.
"""

from dataclasses import dataclass

MAX_OCTETS = 1024  # the longest line in use is a PDU of 176 octets in hexadecimal
_CR, _LF, _SPACE, _DELETE, _PROMPT = b"\r\n \x7f>"


@dataclass(frozen=True)
class Line:
    """One line without its end; never empty."""

    text: str


@dataclass(frozen=True)
class Prompt:
    """`> ` at the beginning of a line: the modem waits for the message."""


class Reader:
    """Octets in, events out; the same events however the octets were cut.

    Any mix of CR and LF ends a line. Control octets are dropped. Other octets that are not ASCII are dropped
    between lines, where a modem that starts puts noise, and stand as U+FFFD inside one: a damaged number must not
    read as another number. A line of more than 1024 octets is dropped whole and counted in `dropped`.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._line = bytearray()
        self._too_long = False

    def feed(self, octets: bytes) -> list[Line | Prompt]:
        """The lines and prompts that these octets complete."""
        events: list[Line | Prompt] = []
        for octet in octets:
            if octet in (_CR, _LF):
                if self._line and not self._too_long:
                    events.append(Line(self._line.decode("ascii", "replace")))
                self._line.clear()
                self._too_long = False
            elif self._too_long or octet < _SPACE or octet == _DELETE or (octet > _DELETE and not self._line):
                continue
            elif len(self._line) == MAX_OCTETS:
                self._too_long = True
                self.dropped += 1
            else:
                self._line.append(octet)
                if octet == _SPACE and self._line[0] == _PROMPT and len(self._line) == 2:
                    events.append(Prompt())
                    self._line.clear()
        return events
