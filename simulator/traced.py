"""What a program does to the files of one folder, in order, as strace sees it. Called by `simulator.campaign_t3`.

Real system calls of the real program, with their octets. A way of writing that could not be followed is refused, not overlooked.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from simulator.errors import SimulatorError

WRITE = "write"
SIZE = "size"
SYNC = "sync"
CREATE = "create"
REMOVE = "remove"
RENAME = "rename"
MAPPED = "mapped"
SYNC_NAMES = "sync of the folder"
SAID = "said"

_FOLLOWED = "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,mmap"
_REFUSED = (
    "open,creat,writev,pwritev,pwritev2,fallocate,truncate,sendfile,copy_file_range,splice,sync_file_range,renameat,"
    "renameat2,unlinkat,link,linkat,symlink,symlinkat,io_uring_setup,"
    # A program in the folder itself could name its files without it.
    "chdir,fchdir"
)
_CALL = re.compile(r"\d+ +(\w+)\((.*)\) += (-?\w+)")
_UNFINISHED = re.compile(r"(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_DESCRIPTOR = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})+)>(\(deleted\))?")


class Operation(NamedTuple):
    """One change of a folder. `name` is the file, `offset` where octets go (or a new size), `octets` also a second name.

    MAPPED: from here on it may be changed unseen. SAID: `octets` is what the program wrote to its standard output.
    """

    kind: str
    name: str = ""
    offset: int = 0
    octets: bytes = b""


def traced(command: Sequence[str], folder: Path, root: Path) -> list[Operation]:
    """Run a program in `root` to its end and give all that it did in `folder`; raises SimulatorError with one sentence."""
    strace = shutil.which("strace")
    if strace is None:
        raise SimulatorError(
            "strace is missing (apt-get install strace): without it the writes of a store cannot be seen"
        )
    reading = Reading(folder)
    with tempfile.TemporaryDirectory() as aside:
        log = Path(aside) / "calls"
        done = subprocess.run(
            [
                strace, "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 24), "-e", "signal=none", "-o", str(log),
                "-e", f"trace={_FOLLOWED},{_REFUSED}", "--", *command,
            ],
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise SimulatorError(f"{' '.join(command[1:4])} under strace ended with {done.returncode}: {last}")
        with log.open() as lines:
            return list(reading.operations(lines))


class Reading:
    """The lines of one strace, of a program in which one thread at a time writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._there = {path.name for path in folder.iterdir()}
        self._positions: dict[str, int] = {}

    def operations(self, lines: Iterable[str]) -> Iterator[Operation]:
        """The operations in order; a call that another thread's interrupted counts when it returns."""
        halves: dict[str, str] = {}
        for line in lines:
            half = _UNFINISHED.match(line)
            if half:
                halves[half[1]] = line[: half.end(2)]
                continue
            rest = _RESUMED.match(line)
            call = _CALL.match(halves.pop(rest[1]) + rest[2] if rest else line)
            if call and not call[3].startswith("-"):
                yield from self._operations(call[1], call[2], int(call[3], 0))

    def _operations(self, call: str, arguments: str, result: int) -> Iterator[Operation]:
        """`arguments` as strace prints them, paths and octets in hexadecimal."""
        descriptor = _DESCRIPTOR.match(arguments)
        if call == "write" and arguments.startswith("1<"):
            yield Operation(SAID, octets=_octets(arguments))
        elif call == "openat":
            yield from self._open(arguments, str(result))
        elif call in ("unlink", "rename"):
            yield from self._names(call, [self._name(_plain(text[1])) for text in _TEXT.finditer(arguments)])
        elif call == "mmap":
            yield from self._map(arguments)
        elif call not in _FOLLOWED.split(","):
            if str(self._folder).encode().hex() in arguments.replace("\\x", "") or call.startswith("io_uring"):
                raise SimulatorError(f"the program used {call}, which is not followed: teach simulator/traced.py to")
        elif descriptor and not descriptor[3]:
            yield from self._on_descriptor(call, arguments, descriptor[1], _plain(descriptor[2]))

    def _open(self, arguments: str, descriptor: str) -> Iterator[Operation]:
        text = _TEXT.search(arguments)
        name = self._name(_plain(text[1])) if text else None
        if name is None:
            return
        self._positions[descriptor] = 0
        if name not in self._there and "O_CREAT" in arguments:
            self._there.add(name)
            yield Operation(CREATE, name)
        elif "O_TRUNC" in arguments:
            yield Operation(SIZE, name, 0)
        if "O_APPEND" in arguments:
            raise SimulatorError(f"the program appends to {name}, which is not followed: teach simulator/traced.py to")

    def _names(self, call: str, names: Sequence[str | None]) -> Iterator[Operation]:
        if call == "unlink" and names[0]:
            self._there.discard(names[0])
            yield Operation(REMOVE, names[0])
        elif call == "rename" and names[0] and names[1]:
            self._there.discard(names[0])
            self._there.add(names[1])
            yield Operation(RENAME, names[0], 0, names[1].encode())

    def _map(self, arguments: str) -> Iterator[Operation]:
        """What is written through a map cannot be seen. SQLite maps the index of its log, which the first to open it makes anew."""
        descriptor = _DESCRIPTOR.search(arguments)
        name = self._name(_plain(descriptor[2])) if descriptor else None
        if name and "MAP_SHARED" in arguments and "PROT_WRITE" in arguments:
            yield Operation(MAPPED, name)

    def _on_descriptor(self, call: str, arguments: str, descriptor: str, path: str) -> Iterator[Operation]:
        if call in ("fsync", "fdatasync") and Path(path) == self._folder:
            yield Operation(SYNC_NAMES)
        name = self._name(path)
        if name is None:
            return
        last = arguments.rsplit(", ", 1)[-1]
        if call in ("fsync", "fdatasync"):
            yield Operation(SYNC, name)
        elif call == "ftruncate":
            yield Operation(SIZE, name, int(last))
        elif call == "pwrite64":
            yield Operation(WRITE, name, int(last), _octets(arguments))
        elif call == "write":
            octets = _octets(arguments)
            yield Operation(WRITE, name, self._positions[descriptor], octets)
            self._positions[descriptor] += len(octets)

    def _name(self, path: str) -> str | None:
        """The name of a file directly in the folder."""
        return Path(path).name if Path(path).parent == self._folder else None


def _plain(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode()


def _octets(arguments: str) -> bytes:
    text = _TEXT.search(arguments)
    if text is None or text[2]:
        raise SimulatorError("strace shortened what was written: raise -s in simulator/traced.py")
    return bytes.fromhex(text[1].replace("\\x", ""))
