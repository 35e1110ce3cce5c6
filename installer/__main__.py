"""`sereno-install`: what is made away from the running system. Says what went wrong in one sentence.

Exit codes: 0 done; 1 it could not be done, or does not verify; 2 it was asked for wrongly.
"""

from __future__ import annotations

import sys

import typer

from installer import release
from installer.errors import InstallerError, WrongUse

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(release.app, name="release")


@app.callback()
def _root() -> None:
    pass


def main() -> None:
    """The entry point: errors of ours become one sentence."""
    try:
        app()
    except InstallerError as error:
        print(f"sereno-install: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, WrongUse) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
