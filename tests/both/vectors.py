"""This interpreter makes and takes exactly the octets of protocol.json: keys, frames, envelopes, countersignatures."""

from protocol import codes, countersign, hop, report, topics
from protocol.countersign import Countersigned
from protocol.hmac import Mac
from protocol.hop import Digest, Envelope, Presence, Receipt
from protocol.keys import center_key, center_pairs, gateway_key, gateway_pair, vault_key
from protocol.layout import authority_of
from protocol.messages import COMMAND
from protocol.report import Report
from tests.both.readers import BODIES, LAYOUTS, VECTORS, error_of, message, octets, read


def test_numbers_never_change_their_meaning():
    """Every constant of the contract's tables."""
    for name, number in VECTORS["codes"].items():
        assert getattr(codes, name) == number, name


def test_what_a_status_says():
    """Refused from 0x80, an event from 0x20 to 0x7f, and words for all 256, also for those of a newer center."""
    for status in range(256):
        assert codes.refused(status) == (status >= 0x80)
        assert codes.event(status) == (0x20 <= status <= 0x7F)
        assert codes.status_name(status).startswith("refused") == (status >= 0x80)
    assert len({codes.status_name(status) for status in range(256)}) == 256
    assert codes.status_name(codes.STALE) == "refused: stale"
    assert codes.output_names(0x0B) == "siren, strobe, indicator"
    assert codes.output_names(0) == "none"


def test_keys():
    """Each key, and that no two are equal."""
    made = set()
    for case in VECTORS["keys"]:
        derive = {"center": center_key, "gateway": gateway_key, "vault": vault_key}[case["of"]]
        arguments = [
            a.encode() if a in ("up", "down") else octets(a) if isinstance(a, str) else a for a in case["arguments"]
        ]
        assert derive(*arguments) == octets(case["key"]), case
        made.add(case["key"])
    assert len(made) == len(VECTORS["keys"])


def test_pairs_hold_the_keys_of_their_direction():
    """Down seals towards the center or gateway, up from it."""
    root = bytes(range(32))
    for authority, pair in center_pairs(root, 42, 3).items():
        assert pair.down.tag(b"x") == Mac(center_key(root, 42, 3, b"down", authority)).tag(b"x")
        assert pair.up.tag(b"x") == Mac(center_key(root, 42, 3, b"up", authority)).tag(b"x")
    assert sorted(center_pairs(root, 42, 3)) == [0, 1, 2]
    hops = gateway_pair(root, 7)
    assert hops.down.tag(b"x") == Mac(gateway_key(root, 7, b"down")).tag(b"x")
    assert hops.up.tag(b"x") == Mac(gateway_key(root, 7, b"up")).tag(b"x")


def test_center_frames():
    """Sealed, opened, peeked: the same octets and the same values."""
    for vector in VECTORS["frames"]:
        layout, key, nonce = LAYOUTS[vector["kind"]], Mac(octets(vector["key"])), octets(vector["nonce"])
        made, expected = message(vector), octets(vector["octets"])
        assert layout.seal(key, made, nonce) == expected
        assert len(expected) == layout.size
        assert layout.open(key, expected, nonce) == made
        assert layout.peek(expected) == made
        assert authority_of(expected) == made.authority
        for name, _ in vector["fields"]:
            assert getattr(layout.open(key, expected, nonce), name) == getattr(made, name)


def test_offers_and_blocks():
    """Sealed, opened, peeked: the same octets and the same values; a body one octet too long is refused."""
    for vector in VECTORS["bodies"]:
        layout, key, nonce = BODIES[vector["kind"]], Mac(octets(vector["key"])), octets(vector["nonce"])
        head, body, expected = tuple(vector["fields"]), octets(vector["body"]), octets(vector["octets"])
        assert layout.seal(key, head, body, nonce) == expected
        assert layout.open(key, expected, nonce) == (head, body)
        assert layout.peek(expected) == (head, body)
        assert error_of(layout.open, key, expected, bytes(8)) == "BadTag"
        assert error_of(layout.seal, key, head, bytes(layout.max_body + 1), nonce) == "Malformed"


def test_peek_is_as_strict_about_form():
    """What cannot be a frame is refused also where no tag is looked at."""
    for vector in VECTORS["refused"]:
        if vector["reader"] in LAYOUTS and vector["error"] == "Malformed":
            assert error_of(LAYOUTS[vector["reader"]].peek, octets(vector["octets"])) == "Malformed", vector["why"]


def test_a_body_of_another_length_is_refused():
    """By the reader of bodies too, which MicroPython's struct alone would not do."""
    for vector in VECTORS["frames"]:
        layout, body = LAYOUTS[vector["kind"]], octets(vector["octets"])[:-16]
        assert layout.unpack(body) == message(vector)
        for wrong in (body[:-1], body + b"\x00", body[:1]):
            assert error_of(layout.unpack, wrong) == "Malformed"


def test_values_that_do_not_fit_are_never_cut():
    """One more than the largest, and less than zero, in each field of each frame; the boot nonce has 8 octets."""
    tried = 0
    for vector in VECTORS["frames"]:
        layout, key = LAYOUTS[vector["kind"]], Mac(octets(vector["key"]))
        made = list(message(vector))
        for at in range(len(made)):
            name = vector["fields"][at][0]
            wrong = (
                (b"", bytes(7), bytes(9)) if name == "nonce" else (-1, 1 << 64) if name == "incident" else (-1, 1 << 32)
            )
            for bad in wrong:
                values = made[:at] + [bad] + made[at + 1 :]
                assert error_of(layout.seal, key, type(message(vector))(*values), bytes(8)) == "Malformed", (name, bad)
                tried += 1
    # Just above the width of each narrow field.
    base = message(VECTORS["frames"][0])
    for name, most in (("epoch", 0xFF), ("group", 0xFFFF), ("ttl", 0xFFFF), ("action", 0xFF), ("authority", 3)):
        fields = [n for n, _ in VECTORS["frames"][0]["fields"]]
        values = list(base)
        values[fields.index(name)] = most + 1
        assert error_of(COMMAND.pack, type(base)(*values)) == "Malformed", name
        values[fields.index(name)] = most
        assert error_of(COMMAND.pack, type(base)(*values)) is None, name
    assert tried > 300


def test_a_seal_asks_for_a_whole_nonce():
    """A boot nonce of another length is a mistake of the caller and seals nothing."""
    vector = VECTORS["frames"][0]
    for nonce in (b"", bytes(7), bytes(9)):
        assert error_of(COMMAND.seal, Mac(octets(vector["key"])), message(vector), nonce) == "Malformed"


def test_reports():
    """Opened as written; written alike where one key leaves no order to choose."""
    for vector in VECTORS["reports"]:
        key, expected = Mac(octets(vector["key"])), octets(vector["octets"])
        opened = report.open(key, expected)
        assert list(opened[:4]) == vector["fields"]
        assert report.peek(expected)[0].center == vector["fields"][2]
        if vector["writes"]:
            assert report.seal(key, Report(*vector["fields"], opened.body)) == expected
    assert report.open(key, octets(VECTORS["reports"][0]["octets"])).body == {"modelo": "SL-2"}
    assert report.open(key, octets(VECTORS["reports"][2]["octets"])).body["c"] == "\u00f1 \u00f1"
    long = Report(*VECTORS["reports"][0]["fields"], {"relleno": "x" * 1010})
    assert error_of(report.seal, key, long) == "Malformed"


def test_envelopes():
    """The hop seal, and the frames cut apart again."""
    for vector in VECTORS["envelopes"]:
        key, frames = Mac(octets(vector["key"])), [octets(frame) for frame in vector["frames"]]
        assert hop.seal(key, vector["gateway"], vector["sequence"], frames) == octets(vector["octets"])
        assert hop.open(key, octets(vector["octets"])) == Envelope(vector["gateway"], vector["sequence"], frames)


def test_an_envelope_that_would_lose_a_frame_is_not_made():
    """A frame behind one of variable size, a cut one, a countersigned ack, too much for the broker."""
    key = Mac(bytes(32))
    report_frame = octets(VECTORS["reports"][0]["octets"])
    command = octets(VECTORS["frames"][0]["octets"])
    assert error_of(hop.seal, key, 7, 1, [report_frame, command]) == "Malformed"
    assert error_of(hop.seal, key, 7, 1, [command[:-1]]) == "Malformed"
    assert error_of(hop.seal, key, 7, 1, [command + b"\x00"]) == "Malformed"
    assert error_of(hop.seal, key, 7, 1, [octets(VECTORS["countersigned"]["octets"])]) == "Malformed"
    assert error_of(hop.seal, key, 7, 1, [command] * 84) == "Malformed"
    assert error_of(hop.seal, key, 7, 1, [command] * 83) is None
    for gateway, sequence in ((-1, 1), (0x10000, 1), (7, -1), (7, 1 << 32)):
        assert error_of(hop.seal, key, gateway, sequence, [command]) == "Malformed"


def test_what_has_no_seal_of_its_own():
    """Receipt, presence, digest."""
    told = VECTORS["unsealed"]
    assert hop.receipt(Receipt(*told["receipt"]["fields"])) == octets(told["receipt"]["octets"])
    assert hop.read_receipt(octets(told["receipt"]["octets"])) == Receipt(*told["receipt"]["fields"])
    assert hop.presence(Presence(*told["presence"]["fields"])) == octets(told["presence"]["octets"])
    assert hop.read_presence(octets(told["presence"]["octets"])) == Presence(*told["presence"]["fields"])
    for vector in told["digests"]:
        digest = Digest(*vector["fields"], [(age, octets(beat)) for age, beat in vector["beats"]])
        assert hop.digest(digest) == octets(vector["octets"])
        assert hop.read_digest(octets(vector["octets"])) == digest
    old = Digest(1, 2, [(1 << 20, octets(told["digests"][1]["beats"][0][1]))])
    assert hop.read_digest(hop.digest(old)).beats[0][0] == 0xFFFF
    assert error_of(hop.digest, Digest(1, 2, [(0, bytes(34))])) == "Malformed"
    assert error_of(hop.digest, Digest(1 << 32, 2, [])) == "Malformed"
    assert error_of(hop.receipt, Receipt(1 << 32, 0)) == "Malformed"
    assert error_of(hop.presence, Presence(1, 256, 0)) == "Malformed"


def test_countersigned_ack():
    """The octets that are signed, sent and exported."""
    told = VECTORS["countersigned"]
    ack, signature = octets(told["ack"]), octets(told["signature"])
    message = Countersigned(ack, *told["stamp"], signature)
    assert countersign.to_sign(message) == octets(told["sig_structure"])
    assert countersign.pack(message) == octets(told["octets"])
    assert countersign.unpack(octets(told["octets"])) == message
    assert countersign.evidence(message, told["key_id"].encode()) == octets(told["cose_sign1"])
    assert len(octets(told["octets"])) == countersign.SIZE == 120
    assert error_of(countersign.pack, Countersigned(ack[:-1], *told["stamp"], signature)) == "Malformed"
    assert error_of(countersign.pack, Countersigned(ack, *told["stamp"], signature[:-1])) == "Malformed"
    assert error_of(countersign.pack, Countersigned(bytes(44), *told["stamp"], signature)) == "Malformed"
    assert (
        error_of(countersign.pack, Countersigned(octets(VECTORS["frames"][0]["octets"]), *told["stamp"], signature))
        == "Malformed"
    )
    for stamp in ((0x10000, 1, 1, 1, 1), (1, -1, 1, 1, 1), (1, 1, 1 << 32, 1, 1), (1, 1, 1, 256, 1), (1, 1, 1, 1, 256)):
        assert error_of(countersign.pack, Countersigned(ack, *stamp, signature)) == "Malformed"


def test_what_must_be_refused_is_and_for_the_right_reason():
    """Well sealed octets of a wrong form are Malformed, well formed ones without the right tag BadTag."""
    for vector in VECTORS["refused"]:
        key = Mac(octets(vector["key"])) if vector["key"] else None
        error = error_of(read, vector["reader"], key, octets(vector["nonce"]), octets(vector["octets"]))
        assert error == vector["error"], (vector["reader"], vector["why"], error)


def test_no_frame_opens_with_the_key_of_another():
    """Every sealed center frame with every key of the file: its own alone opens it."""
    keys = [octets(case["key"]) for case in VECTORS["keys"]]
    macs = [Mac(key) for key in keys]
    for vector in VECTORS["frames"][:15]:
        opened = [
            key.hex()
            for key, mac in zip(keys, macs)
            if error_of(read, vector["kind"], mac, octets(vector["nonce"]), octets(vector["octets"])) is None
        ]
        assert opened == [vector["key"]]


def test_topics():
    """Names and topics, and near misses."""
    told = VECTORS["topics"]
    make = {"C": topics.center_name, "G": topics.gateway_name, "S": topics.process_name}
    for letter, number, name in told["names"]:
        assert make[letter](number) == name
        assert topics.number_of(name) == number
    for letter, number in told["numbers_refused"]:
        assert error_of(make[letter], number) == "Malformed", (letter, number)
    for name in told["names_refused"]:
        assert error_of(topics.number_of, name) == "Malformed", name
    for text, name, direction in told["topics"]:
        assert topics.topic(name, direction) == text
        assert topics.parse(text) == (name, direction)
    for text in told["topics_refused"]:
        assert error_of(topics.parse, text) == "Malformed", text
