"""An update as a running center and its starts share it: who may offer, when it works, when it restarts. On both interpreters."""

from firmware import boot, install
from firmware.updating import ASK_AGAIN_MS, QUIET_MS, TRIAL_MS
from protocol import codes
from protocol.messages import FETCH
from protocol.release import BLOCK, BLOCK_SIZE, OFFER
from simulator import release
from simulator.flash import PowerCut
from tests.both.station import IMAGE, MANIFEST, Station, on_trial

GATEWAY = {"authority": 1, "key": 1}
DRILL = {"authority": 2, "key": 2}
FOREIGN = (
    DRILL,
    {"key": 1},
    {"key": 2},
    {"authority": 1},
    {"authority": 2},
    {"epoch": 1},
    {"center": 43},
    {"nonce": bytes(8)},
)


def test_a_release_is_judged_fetched_installed_tried_and_kept():
    """The whole way, with its restarts; it is told once it stays, and the next start is of the new program."""
    station = Station()
    assert station.offer(MANIFEST)
    assert station.turn()
    assert station.start() == "a"
    assert station.updating.status() == {"release": 2, "percent": 0, "state": "fetching", "error": ""}
    assert station.fetch(IMAGE) == (len(IMAGE) + BLOCK_SIZE - 1) // BLOCK_SIZE
    assert station.start() == "b"
    assert station.updating.running == 2
    assert station.updating.busy
    assert not station.turn()
    assert station.noted == [codes.UPDATED]
    assert station.start() == "b"
    assert not station.updating.busy


def test_only_central_offers_and_only_it_and_the_gateway_fill_a_flash():
    """Under their keys, for this center, epoch and boot; nobody else's frame is kept, and none with a changed bit."""
    station = Station()
    for changes in (GATEWAY,) + FOREIGN:
        station.hear(OFFER, (), MANIFEST, **changes)
        assert not station.has(install.INCOMING), changes
    frame = OFFER.seal(station.identity.pairs[0].down, (0, 0, 42), MANIFEST, station.nonce)
    for at in range(1, len(frame)):
        station.updating.receive(frame[:at] + bytes([frame[at] ^ 4]) + frame[at + 1 :])
    station.updating.receive(frame[:-1])
    assert not station.has(install.INCOMING)
    station.offer(MANIFEST)
    station.start()
    for changes in FOREIGN:
        station.hear(BLOCK, (2, 0), IMAGE[:BLOCK_SIZE], **changes)
    station.block(2, BLOCK_SIZE, IMAGE[:BLOCK_SIZE])
    station.block(2, 0, IMAGE[: BLOCK_SIZE - 1])
    assert "image-0" not in station.files.files
    station.block(2, 0, IMAGE[:BLOCK_SIZE])
    assert station.files.files["image-0"] == IMAGE[:BLOCK_SIZE]
    station.hear(BLOCK, (2, BLOCK_SIZE), IMAGE[BLOCK_SIZE : 2 * BLOCK_SIZE], **GATEWAY)
    assert station.files.files["image-0"] == IMAGE[: 2 * BLOCK_SIZE]


def test_what_a_gateway_gives_is_installed_only_as_it_was_signed():
    """Its blocks fill the flash as central's do: the signed digest is the gate, and refuses the release that is spoiled three times."""
    for spoiled in (False, True):
        image = IMAGE[:-1] + bytes([IMAGE[-1] ^ spoiled])
        station = Station()
        for _ in range(3 if spoiled else 1):
            assert station.offer(MANIFEST)
            station.start()
            for at in range(0, len(image), BLOCK_SIZE):
                station.hear(BLOCK, (2, at), image[at : at + BLOCK_SIZE], **GATEWAY)
            assert station.start() == ("a" if spoiled else "b")
        if spoiled:
            assert boot.complete("", "b", station.files.open) is None
            assert not station.offer(MANIFEST)


def test_without_a_release_key_nothing_is_looked_at():
    """A center that was enrolled without one takes no program from anybody."""
    station = Station(b"")
    assert not station.offer(MANIFEST)
    assert station.updating.status() is None
    assert not station.turn()


def test_an_offer_needs_centrals_time():
    """Whether it has expired is not judged by the gateway's clock."""
    station = Station()
    station.boot(False)
    station.updating._center, station.updating._clock = station.center, station.clock
    station.sync(codes.LOCAL)
    assert not station.offer(MANIFEST)
    station.sync(codes.CENTRAL)
    assert station.offer(MANIFEST)


def test_what_is_not_signed_is_not_fetched():
    """Central's seal is not the release key's: refused, and the old program goes on and says so."""
    station = Station()
    station.offer(release.manifest(IMAGE, 2, b"a seed of somebody else, 32 oct.", expiry=2000000000))
    assert station.start() == "a"
    assert station.updating.status()["error"] == "nobody signed this manifest with the release key: 2"
    assert station.updating.status()["state"] == "idle"
    assert not station.turn()
    assert station.sent == []


def test_another_image_than_the_signed_one_is_not_installed():
    """One octet of it is another."""
    station = Station()
    station.offer(MANIFEST)
    station.start()
    station.fetch(IMAGE[:-9] + bytes([IMAGE[-9] ^ 1]) + IMAGE[-8:])
    assert station.start() == "a"
    assert station.updating.status()["error"] != ""
    assert boot.complete("", "b", station.files.open) is None


def test_what_was_refused_costs_no_restart_again():
    """Refused offers in turn, said again and again: one restart each; another program may be offered them anew."""
    station = Station()
    refused = [release.manifest(IMAGE, number, expiry=5) for number in (7, 8)]
    for manifest in refused:
        assert station.offer(manifest)
        assert station.turn()
        station.start()
        assert station.updating.status()["error"].endswith(": %d" % (7 if manifest == refused[0] else 8))
    starts = station.starts
    for _ in range(3):
        for manifest in refused:
            assert not station.offer(manifest)
            assert not station.turn()
    assert station.starts == starts
    assert not station.offer(release.manifest(IMAGE, 1, expiry=2000000000))


def test_nothing_is_kept_or_fetched_while_an_alarm_runs():
    """Nor restarted for, until a minute after it."""
    station = Station()
    station.command(incident=1, duration=30)
    assert not station.offer(MANIFEST)
    station.command(action=codes.STOP)
    assert station.offer(MANIFEST)
    station.command(incident=2, duration=30)
    assert not station.turn()
    station.command(action=codes.STOP)
    assert not station.turn(QUIET_MS - 1)
    assert station.turn(1)
    station.start()
    station.command(incident=3, duration=30)
    station.block(2, 0, IMAGE[:BLOCK_SIZE])
    assert not station.turn()
    assert station.sent == []
    assert "image-0" not in station.files.files


def test_a_block_is_asked_for_over_a_link_and_again_after_five_seconds():
    """Sealed as this center's; the next one at once."""
    station = Station()
    station.offer(MANIFEST)
    station.start()
    station.turn(linked=False)
    assert station.sent == []
    station.turn()
    station.turn(ASK_AGAIN_MS - 1)
    assert [tuple(FETCH.open(station.identity.pairs[0].up, frame)) for frame in station.sent] == [(0, 0, 42, 2, 0)]
    station.turn(1)
    assert len(station.sent) == 2
    station.block(2, 0, IMAGE[:BLOCK_SIZE])
    station.turn()
    assert FETCH.peek(station.sent[2]).offset == BLOCK_SIZE


def test_a_trial_is_confirmed_by_link_health_and_central():
    """Each of the three; then it is told, once."""
    station = on_trial()
    station.boot(False)
    station.updating._center, station.updating._clock = station.center, station.clock
    assert not station.turn()
    station.sync(codes.LOCAL)
    assert not station.turn()
    station.sync(codes.CENTRAL)
    assert not station.turn(linked=False)
    assert not station.turn(healthy=False)
    assert station.noted == []
    assert station.updating.busy
    assert not station.turn()
    assert station.noted == [codes.UPDATED]


def test_a_trial_that_does_not_get_there_starts_anew_and_is_given_up():
    """After a quarter of an hour, not in an alarm; three times, then the program before it, which tells it once."""
    station = on_trial()
    assert not station.turn(TRIAL_MS - 1 - station.clock.ms(), linked=False)
    station.command(incident=1, duration=30)
    assert not station.turn(10, linked=False)
    station.command(action=codes.STOP)
    assert station.turn(linked=False)
    assert [station.start() for _ in range(3)] == ["b", "b", "a"]
    assert station.updating.status()["error"] == "trial failed: 2"
    for _ in range(3):
        station.turn()
    assert station.noted == [codes.UPDATE_FAILED]
    assert not station.offer(MANIFEST)
    assert station.updating.status()["error"] == "failed before: 2"


def test_a_power_cut_at_any_operation_of_judging_and_installing_leaves_a_program():
    """After each: a whole program starts, and offered again, the new one arrives."""
    cuts = 0
    for at in range(1, 400):
        station = Station()
        station.offer(MANIFEST)
        files = station.files
        files.revive()
        files.dies_at = at
        try:
            station.start()
            station.fetch(IMAGE)
            station.start()
        except PowerCut:
            cuts += 1
        whole = files.operations < at
        files.revive()
        if whole:
            break
        slot = station.start()
        assert boot.complete("", slot, files.open) == (1 if slot == "a" else 2)
        for _ in range(3):
            if station.slot == "b":
                break
            if not station.updating.status()["release"]:
                station.offer(MANIFEST)
                station.start()
            if station.updating.status()["state"] == "fetching":
                station.fetch(IMAGE)
                station.start()
        assert station.slot == "b", (at, station.board.logged[-3:])
    assert cuts > 40
