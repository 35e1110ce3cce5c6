"""The self-description in every report: what runs here, since when and why, what is measured and how old that is. Called by app."""

import gc


def describe(app):
    """A dict of plain JSON, under 1,024 octets."""
    described = {
        "version": app.version,
        "board": app.board.kind,
        "runtime": app.board.runtime(),
        "boot": app.center.state.boot,
        "cause": app.board.boot_cause(),
        "uptime_s": app.clock.ms() // 1000,
        "config": app.settings.digest(),
        "loud": sorted(app.identity.loud),
        "release": app.updating.running,
        "heap": _heap(),
        "link": app.link.described(),
        "health": app.watch.supervision.describe(app.clock.ms()),
    }
    update = app.updating.status()
    if update and (update["release"] or update["error"]):
        described["update"] = update
    return described


def _heap():
    """[used, free] in octets, where the interpreter tells."""
    if not hasattr(gc, "mem_free"):
        return None
    gc.collect()
    return [gc.mem_alloc(), gc.mem_free()]
