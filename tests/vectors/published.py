"""Values that others published: RFC 4231, RFC 5869, RFC 8949 appendix A; and the numbers of the contract's tables.

`hmac` takes keys of 16 to 64 octets and `hkdf` salts of the same size. RFC 2104 pads a shorter key with zeros and
hashes a longer one, so the cases outside that range are given with the key already padded or hashed.
"""

from __future__ import annotations

import hashlib

_HMAC = [
    ("0b" * 20, b"Hi There".hex(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe".hex(),
        b"what do ya want for nothing?".hex(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    ("aa" * 20, "dd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    ("0c" * 20, b"Test With Truncation".hex(), "a3b6167473100ee06e0c796c2955552b"),
    (
        "aa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First".hex(),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        "aa" * 131,
        (
            b"This is a test using a larger than block-size key and a larger than block-size data. "
            b"The key needs to be hashed before being used by the HMAC algorithm."
        ).hex(),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]

_HKDF = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
        "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
        "cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


def _fitted(key: str) -> str:
    octets = bytes.fromhex(key)
    octets = hashlib.sha256(octets).digest() if len(octets) > 64 else octets
    return octets.ljust(16, b"\x00").hex()


HMAC = [{"key": _fitted(key), "data": data, "digest": digest} for key, data, digest in _HMAC]
HKDF = [
    {"secret": secret, "salt": _fitted(salt), "info": info, "length": length, "octets": octets}
    for secret, salt, info, length, octets in _HKDF
]

# RFC 8949, appendix A: integers, octets, text, arrays, maps with integer keys, tags. Octets are {"hex": ...},
# maps {"map": [[key, value], ...]}, tagged values {"tag": ..., "value": ...}; integers are strings.
CBOR = [
    ["0", "00"],
    ["1", "01"],
    ["10", "0a"],
    ["23", "17"],
    ["24", "1818"],
    ["25", "1819"],
    ["100", "1864"],
    ["1000", "1903e8"],
    ["1000000", "1a000f4240"],
    ["1000000000000", "1b000000e8d4a51000"],
    ["18446744073709551615", "1bffffffffffffffff"],
    ["-18446744073709551616", "3bffffffffffffffff"],
    ["-1", "20"],
    ["-10", "29"],
    ["-100", "3863"],
    ["-1000", "3903e7"],
    [{"hex": ""}, "40"],
    [{"hex": "01020304"}, "4401020304"],
    [{"text": ""}, "60"],
    [{"text": "a"}, "6161"],
    [{"text": "IETF"}, "6449455446"],
    [{"text": '"\\'}, "62225c"],
    [{"text": "\u00fc"}, "62c3bc"],
    [{"text": "\u6c34"}, "63e6b0b4"],
    [{"text": "\U00010151"}, "64f0908591"],
    [[], "80"],
    [["1", "2", "3"], "83010203"],
    [["1", ["2", "3"], ["4", "5"]], "8301820203820405"],
    [
        [str(n) for n in range(1, 26)],
        "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
    ],
    [{"map": []}, "a0"],
    [{"map": [["1", "2"], ["3", "4"]]}, "a201020304"],
    [{"tag": 1, "value": "1363896240"}, "c11a514b67b0"],
    [{"tag": 23, "value": {"hex": "01020304"}}, "d74401020304"],
    [{"tag": 24, "value": {"hex": "6449455446"}}, "d818456449455446"],
    [{"tag": 32, "value": {"text": "http://www.example.com"}}, "d82076687474703a2f2f7777772e6578616d706c652e636f6d"],
    # Deterministic order (4.2.1): by the octets of the keys, so 10, 100, -1.
    [{"map": [["-1", "0"], ["100", "0"], ["10", "0"]]}, "a30a0018640020" + "00"],
]

# A number, once shipped, never changes its meaning.
CODES = {
    **{"CENTRAL": 0, "LOCAL": 1, "DRILL": 2},
    **{"SIREN": 1, "STROBE": 2, "FLOODLIGHT": 4, "INDICATOR": 8, "LOUD": 7},
    **{"POWER": 16, "BY_CLASS": 0, "SHORT": 1, "ALL_CLEAR": 2, "TEST": 3},
    **{"STOP": 0x00, "PROBE": 0x01, "ACTIVATE": 0x10},
    **{"GENERAL": 1, "MEDICAL": 2, "GENDER_VIOLENCE": 3, "BICYCLE_THEFT": 4, "FIRE": 5},
    **{"ACCEPTED": 0x01, "SOUNDING": 0x02, "STOPPED": 0x03, "FAILED": 0x04},
    **{"REFUSED": 0x80, "WRONG_ADDRESSEE": 0x81, "STALE": 0x82, "FUTURE": 0x83, "TOO_OLD": 0x84},
    **{"NOT_SYNCHRONISED": 0x85, "CLASS_SILENT": 0x86, "BUDGET_SPENT": 0x87, "UPDATING": 0x88},
    **{"UNKNOWN_ACTION": 0x89, "RETAINED": 0x8A, "DRILL_IS_SILENT": 0x8B},
    **{"PANIC": 0x20, "SILENT_PANIC": 0x21, "TAMPER": 0x22, "MAINS_LOST": 0x23, "MAINS_BACK": 0x24},
    **{"BATTERY_LOW": 0x25, "SOUNDING_LOCALLY": 0x26, "STOPPED_LOCALLY": 0x27},
    **{"PANIC_FOB": 0x28, "PANIC_FOB_FIXED": 0x29, "SILENT_FOB": 0x2A, "SILENT_FOB_FIXED": 0x2B, "BATTERY_BACK": 0x2C},
    **{"TAMPER_CLEARED": 0x2D, "DRIVER_FAULT": 0x2E, "DRIVER_BACK": 0x2F, "STUCK_RELAY": 0x30, "ERASE": 2},
    **{"UNEXPECTED_SOUNDING": 0x31, "NOT_HEARD": 0x32, "MOTION": 0x33, "CHARGER_FAULT": 0x34},
    **{"UPDATED": 0x35, "UPDATE_FAILED": 0x36, "ERASED": 0x37},
    **{"EVICTED": 0x38, "GROUP_STOPPED": 0x39, "GROUP_STOP_INCOMPLETE": 0x3A},
    **{"BEARER_MQTT": 1, "BEARER_SMS": 2},
    **{"BEAT_MAINS": 1, "BEAT_TAMPER": 2, "BEAT_SYNCHRONISED": 4, "BEAT_BATTERY_LOW": 8},
}
