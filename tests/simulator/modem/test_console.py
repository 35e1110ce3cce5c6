"""`sereno-sim modem`: what a tester types, and the program as it is started."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from simulator.errors import SimulatorError
from simulator.modem.console import Console
from simulator.modem.modems import Modems

ONE, TWO = "+5492611111111", "+5492612222222"
COMMAND = [sys.executable, "-m", "simulator", "modem"]


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The program, which is ended afterwards if it has not ended."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*COMMAND, *words], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as program:
        try:
            yield program
        finally:
            program.terminate()
            program.wait(20)


def line(program: subprocess.Popen[str], typed: str = "") -> str:
    """The next line it prints, after a line was typed."""
    assert program.stdin and program.stdout
    if typed:
        program.stdin.write(typed + "\n")
        program.stdin.flush()
    return program.stdout.readline().rstrip("\n")


def test_the_program_says_where_the_modems_are_and_obeys(tmp_path: Path) -> None:
    """Two lines of ports, an answer to each line, and nothing left in the folder after quit."""
    with started("--number", ONE, "--number", TWO, "--links", str(tmp_path)) as program:
        assert [line(program), line(program)] == [f"1 {ONE} {tmp_path}/modem1", f"2 {TWO} {tmp_path}/modem2"]
        assert line(program, f"message {TWO} {ONE} hola") == "ok"
        assert line(program, "1 explode").startswith("? a modem cannot 'explode'; it can: power_on")
        with serial.Serial(f"{tmp_path}/modem1", timeout=10) as port:
            port.write(b"AT\r")
            assert port.read_until(b"OK\r\n").endswith(b"OK\r\n")
        assert line(program, "quit") == ""
        assert program.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_program_goes_on_without_stdin_and_ends_on_a_signal(tmp_path: Path) -> None:
    """As a service: the end of stdin is not its end; SIGTERM removes the links."""
    with started("--number", ONE, "--links", str(tmp_path)) as program:
        assert line(program) == f"1 {ONE} {tmp_path}/modem1"
        assert program.stdin
        program.stdin.close()
        with serial.Serial(f"{tmp_path}/modem1", timeout=10) as port:
            port.write(b"AT\r")
            assert port.read_until(b"OK\r\n").endswith(b"OK\r\n")
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_is_one_sentence() -> None:
    """No traceback, exit code 2."""
    run = subprocess.run([*COMMAND, "--number", "123"], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("sereno-sim: a modem's number is + and 7 to 15 digits")
    assert run.stderr.count("\n") == 1


def test_every_line_of_the_language_is_obeyed() -> None:
    """Faults with their chances, actions, messages, telephones and the trace."""
    console = Console(tracing=False)
    with Modems([ONE, TWO], heard=console.show) as modems:
        console.attend(modems)
        typed = [
            "1 fault slow 3 count=1 probability=0.5 after=2 on=+CMGS", "1 clear slow", "1 clear", "2 signal -97",
            "2 operator Otro Nombre", '1 fault urc_in_reply "+CMTI: 1,2"', "center fault delay 2 count=1", "center clear",
            "center phone +5492615555555", f"message {ONE} +5492615555555 a que hora", f"octets {ONE} {TWO} 00ff",
            "trace on", "trace off",
        ]  # fmt: skip
        assert [console.obey(one) for one in typed] == ["ok"] * len(typed)
        assert [console.obey("# a comment"), console.obey("")] == ["", ""]
        assert console.obey("list").splitlines() == [f"1 {ONE} {modems[0].path}", f"2 {TWO} {modems[1].path}"]
        assert "2 network.signal" not in console.obey("help")
        modems.wait(TWO, "stored")
        modems.wait("+5492615555555", "delivered")
        network = modems[1].device.network
        assert (network.signal_dbm, network.operator) == (-97, "Otro Nombre")
        assert [message.payload for message in modems.center.received("+5492615555555")] == ["a que hora"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("dance", "`help` lists all"),
        ("3 hang", "there is no modem 3; there are 1 to 1"),
        ("1 fault nothing", "there is no fault 'nothing'"),
        ("1 fault slow count=many", "count takes a number, not 'many'"),
        ("1 signal high", "in dBm"),
        ("1 die soon", "a number of seconds"),
        ("1 say 'open", "a quote is not closed"),
        (f"octets {ONE} {ONE} xyz", "pairs of hexadecimal digits"),
        (f"message {ONE} nobody hola", "cannot be a short message"),
        ("center fault no_prompt", "there is no fault 'no_prompt'"),
    ],
)
def test_a_line_that_cannot_be_obeyed_is_one_sentence(typed: str, sentence: str) -> None:
    """It says what to write instead, and the modems go on."""
    console = Console(tracing=False)
    with Modems([ONE]) as modems:
        console.attend(modems)
        with pytest.raises(SimulatorError, match=sentence):
            console.obey(typed)
        assert console.obey("1 hang") == "ok"
