"""A person at the installer's command line, and a small firmware so that building takes no time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    def told(self) -> dict[str, Any]:
        """The line of --json."""
        return json.loads(self.out)


class Desk:
    """Runs `sereno-install release ...` in a folder."""

    def __init__(self, folder: Path, checkout: Path = ROOT) -> None:
        self.folder = folder
        self.checkout = checkout

    def say(self, *words: str) -> Said:
        """One command."""
        done = subprocess.run(
            [sys.executable, "-m", "installer", "release", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.checkout), "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def done(self, *words: str) -> dict[str, Any]:
        """One command that must succeed, with --json."""
        said = self.say(*words, "--json")
        assert said.code == 0, said.err
        assert said.err == ""
        return said.told()

    def signed(self, board: str = "unix", sequence: int = 8) -> None:
        """A key, an image and a manifest: release.key, image, manifest."""
        if not (self.folder / "release.key").exists():
            self.done("key", "--out", "release.key")
        self.done("build", "--board", board, "--sequence", str(sequence), "--version", "1.2.0", "--out", "image")
        self.sign()

    def sign(self, **other: str) -> Said:
        """Sign `image`; `other` are options set differently."""
        options = {"key": "release.key", "minimum_from": "0", "expires": "2100-01-31", "out": "manifest"} | other
        words = [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), value)]
        return self.say("sign", "image", *words)

    def verify(self, key: str = "release.key.pub") -> Said:
        """Verify `image` against `manifest`."""
        return self.say("verify", "image", "manifest", "--key", key)
