"""Why a broker cannot be reached, in one sentence that a technician can act on.

Pure text; called by the MQTT session and by `check`.
"""

from __future__ import annotations

import socket
import ssl

from paho.mqtt.reasoncodes import ReasonCode

_TAKEN_OVER = 0x8E
_UNSUPPORTED = 0x84
_NOT_AUTHORISED = (0x87, 0x86)


def of_exception(error: Exception, where: str, name: str) -> str:
    """A connection that did not come about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {where} is not good for {name}: {error.verify_message}; check ca.pem and `name`"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with {where} ({error.reason or error}); check that the port is the broker's and our certificate"
    if isinstance(error, socket.gaierror):
        return f"the host of {where} is not known; check `host` and the DNS"
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens on {where}; start the broker or correct `host` and `port`"
    if isinstance(error, TimeoutError):
        return f"{where} does not answer; check the line"
    return f"no connection to {where} ({error})"


def of_connack(code: ReasonCode, where: str) -> str:
    """A broker that refused the connection."""
    if code.value == _UNSUPPORTED:
        return f"{where} does not speak this version of MQTT; set `protocol`"
    if code.value in _NOT_AUTHORISED:
        return f"{where} does not authorise this gateway; check its access list and our certificate"
    return f"{where} refused the connection: {code}"


def of_disconnect(code: ReasonCode, granted: bool) -> str:
    """A connection that ended."""
    if code.value == _TAKEN_OVER:
        return "another client connected with this gateway's certificate; two gateways must never share one"
    if not granted:
        return "the broker closed the connection before answering; it may not trust this gateway's certificate"
    return f"the connection was lost ({code})"
