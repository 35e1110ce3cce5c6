"""Modems on real ptys, as a program meets them."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
from pathlib import Path

import pytest
import serial

from modem.pdu import Deliver, Submit, decode_incoming, encode_submit
from simulator.errors import SimulatorError
from simulator.modem.modems import Modems

ONE, TWO, OTHER = "+5492611111111", "+5492612222222", "+5492619999999"
DEADLINE_S = 10.0


def opened(path: str) -> serial.Serial:
    return serial.Serial(path, 115200, timeout=DEADLINE_S, exclusive=True)


def ask(port: serial.Serial, line: bytes, end: bytes = b"OK\r\n") -> bytes:
    """What comes after a line, until its end."""
    port.write(line)
    return port.read_until(end)


def test_two_programs_exchange_octets_through_two_ports() -> None:
    """What one sends with AT+CMGS the other reads, and its journal tells of it."""
    with Modems([ONE, TWO]) as modems, opened(modems[0].path) as one, opened(modems[1].path) as two:
        ask(one, b"ATE0\r")
        pdu, length = encode_submit(Submit(TWO, bytes(range(140))))[0]
        ask(one, b"AT+CMGS=%d\r" % length, b"> ")
        assert ask(one, pdu.encode() + b"\x1a") == b"\r\n+CMGS: 0\r\n\r\nOK\r\n"
        modems.wait(TWO, "said", "+CMTI")
        ask(two, b"ATE0\r")
        message = decode_incoming(ask(two, b"AT+CMGR=0\r").split(b"\r\n")[2].decode())
        assert isinstance(message, Deliver)
        assert (message.number, message.payload) == (ONE, bytes(range(140)))
        assert [len(modems[1].stored["SM"]), modems[1].commands] == [1, ["ATE0", "AT+CMGR=0"]]


def test_a_test_can_inject_break_and_look_from_an_event_loop() -> None:
    """`async with` is the same; faults and messages take effect when their call returns."""

    async def walk() -> list[str]:
        async with Modems([ONE], dialect="quectel") as modems:
            modems.center.fault("duplicate", count=1)
            modems.center.inject(OTHER, ONE, b"\x01")
            await asyncio.to_thread(modems.wait, ONE, "stored", count=2)
            return modems[0].stored["ME"]

    first, second = asyncio.run(walk())
    assert first == second


def test_a_telephone_receives_what_a_modem_sends() -> None:
    """A number without modem can be a phone."""
    with Modems([ONE]) as modems, opened(modems[0].path) as one:
        modems.center.phone(OTHER)
        ask(one, b"ATE0;+CMGF=1\r")
        ask(one, b'AT+CMGS="%s"\r' % OTHER.encode(), b"> ")
        ask(one, b"ayuda\x1a")
        modems.wait(OTHER, "delivered")
        assert [m.payload for m in modems.center.received(OTHER) if isinstance(m, Deliver)] == ["ayuda"]


def test_the_path_stays_while_the_pty_dies_and_returns() -> None:
    """An open port ends, the link is gone, and after the return the same path is a modem again."""
    with Modems([ONE]) as modems:
        path = Path(modems[0].path)
        with opened(modems[0].path) as port:
            fd = os.dup(port.fileno())
            modems[0].act("die")
            readable, _, _ = select.select([fd], [], [], DEADLINE_S)
            assert readable == [fd]
            assert os.read(fd, 1) == b""
            os.close(fd)
        assert not path.is_symlink()
        modems[0].act("return")
        modems.wait(ONE, "power", "started", count=2)
        with opened(str(path)) as port:
            assert ask(port, b"AT\r").endswith(b"OK\r\n")


def test_a_dribble_is_read_in_single_octets() -> None:
    """Each read finds one octet, because the next is not written yet."""
    with Modems([ONE]) as modems, opened(modems[0].path) as port:
        ask(port, b"ATE0\r")
        modems[0].fault("dribble", 0.02, count=1)
        port.write(b"AT\r")
        reads = []
        while b"".join(reads) != b"\r\nOK\r\n":
            assert select.select([port.fileno()], [], [], DEADLINE_S)[0]
            reads.append(os.read(port.fileno(), 100))
        assert len(reads) >= 4  # six, but for a machine that pauses


def test_other_lines_do_not_hurry_a_dribble() -> None:
    """Lines that come meanwhile wait behind it."""
    with Modems([ONE]) as modems, opened(modems[0].path) as port:
        ask(port, b"ATE0\r")
        modems[0].fault("dribble", 0.3, count=1)
        port.write(b"AT\r")
        modems.wait(ONE, "reply", count=2)
        for _ in range(10):
            modems[0].act("say", "RING")
        assert select.select([port.fileno()], [], [], DEADLINE_S)[0]
        assert len(os.read(port.fileno(), 100)) <= 2


def test_a_program_that_never_reads_blocks_nobody() -> None:
    """One port full of replies does not keep the other modem from answering; what does not fit is lost."""
    with Modems([ONE, TWO]) as modems, opened(modems[0].path) as deaf, opened(modems[1].path) as port:
        deaf.write_timeout = DEADLINE_S
        for _ in range(2000):
            deaf.write(b"ATI\r")
        modems.wait(ONE, "command", count=2000)
        started = time.monotonic()
        assert ask(port, b"AT\r").endswith(b"OK\r\n")
        assert time.monotonic() - started < DEADLINE_S
        deaf.timeout = 1
        assert 10_000 < len(deaf.read(1_000_000)) < 100_000


def test_links_are_made_in_the_folder_and_removed(tmp_path: Path) -> None:
    """modem1, modem2 are there while the modems are, also where an old link was left."""
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "modem1").symlink_to("/dev/null")
    with Modems([ONE, TWO], links=tmp_path / "links") as modems:
        assert [modem.path for modem in modems] == [str(tmp_path / "links" / f"modem{n}") for n in (1, 2)]
        assert all(os.path.realpath(modem.path).startswith("/dev/pts/") for modem in modems)
    assert list((tmp_path / "links").iterdir()) == []
    assert [thread for thread in threading.enumerate() if thread.name == "modems"] == []


def test_usb_modems_and_locked_cards_start_too() -> None:
    """With a PIN the start is over when the modem answers; on USB when its port is there."""
    with Modems([ONE], pin="0000", usb=True) as modems, opened(modems[0].path) as port:
        assert ask(port, b"ATE0;+CPIN?\r").endswith(b"\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n")


@pytest.mark.parametrize(
    ("numbers", "dialect", "sentence"),
    [
        (["123"], "sim7600", "a modem's number is"),
        ([ONE, ONE], "sim7600", "a number of its own"),
        ([ONE], "nokia", "choose sim7600 or quectel"),
    ],
)
def test_modems_that_cannot_be_are_one_sentence(numbers: list[str], dialect: str, sentence: str) -> None:
    """Before anything is started."""
    with pytest.raises(SimulatorError, match=sentence):
        Modems(numbers, dialect)


def test_a_message_that_cannot_be_and_an_entry_that_does_not_come_are_one_sentence() -> None:
    """141 octets are no message; a wait ends at its deadline; after the end nothing can be asked."""
    with Modems([ONE]) as modems:
        with pytest.raises(SimulatorError, match="cannot be a short message"):
            modems.center.inject(OTHER, ONE, bytes(141))
        with pytest.raises(SimulatorError, match="cannot be a short message"):
            modems.center.inject("nobody", ONE, "x")
        with pytest.raises(SimulatorError, match="fewer than 1 of"):
            modems.wait(ONE, "stored", timeout_s=0.01)
    with pytest.raises(SimulatorError, match="not running"):
        modems[0].act("hang")


def test_a_folder_that_cannot_be_made_is_one_sentence_and_leaves_no_thread() -> None:
    """Nothing of the modems is left when they do not start."""
    with pytest.raises(SimulatorError, match="ports cannot be opened"), Modems([ONE], links=Path("/proc/none")):
        pass
    assert [thread for thread in threading.enumerate() if thread.name == "modems"] == []
