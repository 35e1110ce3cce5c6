"""Who a center is: numbers, keys and the table of loud classes, from the file that enrolment wrote."""

from protocol.hmac import Mac, same
from protocol.keys import center_pairs, vault_key


class Identity:
    """`release_key` is the public Ed25519 key that releases are signed with, empty where none are taken.

    `loud` is a set of class octets, empty when the table's tag is wrong: then nothing is loud."""

    def __init__(self, device):
        self.center = device["center"]
        self.group = device["group"]
        self.epoch = device.get("epoch", 0)
        root = bytes.fromhex(device["root"])
        self.pairs = center_pairs(root, self.center, self.epoch)
        self.panic_class = device.get("panic_class", 1)
        self.gateway = device.get("gateway", "")
        self.release_key = bytes.fromhex(device.get("release_key", ""))
        self._vault = Mac(vault_key(root, self.center))
        loud = bytes(sorted(device.get("loud", [])))
        tag = device.get("loud_tag")
        self.loud = set(loud) if tag and same(bytes.fromhex(tag), self.loud_tag(loud)) else set()

    def loud_tag(self, loud):
        """The tag of a table of loud classes (sorted octets), made at enrolment under the center's own key."""
        return self._vault.tag(b"sereno/1 loud\0" + loud)
