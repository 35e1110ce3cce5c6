"""Releases of the alarm centers' program: build an image, sign it away from the network, verify it, lay it down on new boards.

\b
Once: make the key, keep it off line, enrol centers with release.key.pub
  sereno-install release key --out release.key

\b
Each release:
  sereno-install release build --board pico_w --sequence 8 \\
      --version 1.2.0 --out 8.image
  sereno-install release sign 8.image --key release.key \\
      --minimum-from 0 --expires 2099-12-31 --out 8.manifest
  sereno-install release verify 8.image 8.manifest --key release.key.pub

Then give image and manifest to central, and offer them to one center first.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from firmware.unpack import unpack
from installer import build as building
from installer import keys, signing
from installer.errors import InstallerError, WrongUse
from installer.image import Identity
from protocol.errors import Malformed

app = typer.Typer(no_args_is_help=True, help=__doc__, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="One line of JSON for programs, and no progress.")]
Image = Annotated[Path, typer.Argument(metavar="IMAGE", help="The image that `release build` made.")]
Signed = Annotated[Path, typer.Argument(metavar="MANIFEST", help="The manifest that `release sign` made.")]
Public = Annotated[Path, typer.Option("--key", help="The public half of the release key (the .pub file).")]


@app.command()
def key(out: Annotated[Path, typer.Option(dir_okay=False, help="The file of the private half; the public one is made beside it.")],
        as_json: Json = False) -> None:  # fmt: skip
    """Make the release key: an Ed25519 pair. Whoever holds the private half decides what every center runs: keep it off line."""
    public = keys.create(out)
    _say(as_json, {"private": str(out), "public": str(keys.public_path(out)), "key": public},
         f"{out} is the release key (mode 0600): keep it off line, and a copy of it apart\n"
         f"{keys.public_path(out)} is its public half, for central and for every center: {public}")  # fmt: skip


@app.command()
def build(
    board: Annotated[str, typer.Option(help=f"The class of boards: {', '.join(building.BOARDS)}.")],
    sequence: Annotated[int, typer.Option(min=1, max=0xFFFFFFFF, help="Higher than that of every release before.")],
    version: Annotated[str, typer.Option(help="For people: at most 16 of a-z, 0-9, and _ . + -")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="The image to write.")],
    as_json: Json = False,
) -> None:
    """Compile firmware and protocol for a board into one image. The same sources make the same octets, on any machine."""
    _fits(version)
    sources = sorted(building.sources(board).items())
    octets = building.build(Identity(sequence, version, board), _progress(sources, as_json, "compiling"))
    keys.write(out, octets)
    digest = hashlib.sha256(octets).hexdigest()
    told = {
        "image": str(out),
        "board": board,
        "sequence": sequence,
        "version": version,
        "size": len(octets),
        "sha256": digest,
    }
    _say(as_json, told, f"{out}: release {sequence} ({version}) for {board}, {len(sources)} files, {len(octets)} octets\n"
                        f"SHA-256 {digest}\nnext: sereno-install release sign {out} ...")  # fmt: skip


@app.command()
def sign(
    image: Image,
    key: Annotated[Path, typer.Option(help="The private half of the release key.")],
    minimum_from: Annotated[int, typer.Option(help="The lowest sequence that this release may replace; 0 for any.")],
    expires: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="From this day on (UTC) no board takes it any more.")
    ],
    out: Annotated[Path, typer.Option(dir_okay=False, help="The manifest to write.")],
    as_json: Json = False,
) -> None:
    """Sign an image: who it is for, what it may replace, until when. Board, sequence and version are the image's own."""
    expiry = signing.expiry(expires)
    octets = keys.read(image, "image")
    private = keys.load_private(key)
    manifest = signing.sign(octets, private, minimum_from, expiry)
    keys.write(out, manifest)
    fields = signing.verify(octets, manifest, private.public_key().public_bytes_raw())
    _say(as_json, {"manifest": str(out), **signing.described(fields)}, f"{out}: {_sentence(fields)}")


@app.command()
def verify(image: Image, manifest: Signed, key: Public, as_json: Json = False) -> None:
    """Whether a manifest is signed with this key and is this image's, by the code that boards run. Exit code 1 when not."""
    fields = signing.verify(keys.read(image, "image"), keys.read(manifest, "manifest"), keys.load_public(key))
    _say(as_json, {"verified": True, **signing.described(fields)}, f"verified: {_sentence(fields)}")


@app.command("unpack")
def lay_down(
    image: Image,
    manifest: Signed,
    key: Public,
    out: Annotated[Path, typer.Option(help="The folder of a new board's files; slot a is made, or made anew, in it.")],
    as_json: Json = False,
) -> None:
    """Verify a release and lay it down as slot `a` of a new board, as the board itself would."""
    octets = keys.read(image, "image")
    fields = signing.verify(octets, keys.read(manifest, "manifest"), keys.load_public(key))
    slot = out / "a"
    if slot.exists() and not (slot / "contents").exists():
        raise WrongUse(f"{slot} is there and is no slot; choose another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for _ in unpack(f"{out}/", "a", os, [octets], fields):
            pass
    except (OSError, Malformed) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InstallerError(f"{slot} could not be written: {reason}") from error
    _say(as_json, {"slot": str(slot), **signing.described(fields)}, f"{slot}: {_sentence(fields)}")


def _fits(version: str) -> None:
    if not 0 < len(version) <= 16 or set(version) - set("abcdefghijklmnopqrstuvwxyz0123456789_.+-"):
        raise WrongUse(f"version {version!r} does not fit: 1 to 16 of a-z, 0-9, and _ . + -")


def _sentence(fields: Any) -> str:
    told = signing.described(fields)
    since = f", over {told['minimum_from']} or later" if told["minimum_from"] else ""
    return (
        f"release {told['sequence']} ({told['version']}) for {told['board']}, {told['size']} octets{since}, "
        f"to be taken before {told['expires']}\nSHA-256 {told['sha256']}"
    )


def _progress(items: Iterable[tuple[str, Path]], silent: bool, words: str) -> Iterator[tuple[str, Path]]:
    total = list(items)
    console = Console(stderr=True)
    yield from track(total, words, console=console, transient=True, disable=silent or not console.is_terminal)


def _say(as_json: bool, told: dict[str, object], text: str) -> None:
    typer.echo(json.dumps(told) if as_json else text)
