"""A folder without an identity, from the factory or because its erasure was ordered."""

from firmware.vault import Erased, Unprovisioned, Vault
from tests.both.erase import KEPT, commissioned, start
from tests.both.flash import Flash


def test_a_factory_new_folder_is_unprovisioned():
    """A sentence that says what to do; a state alone does not change that, and a damaged file is another error."""
    flash = Flash({"state-a": b"x"})
    vault = Vault("/device/", flash, flash.open)
    try:
        vault.device()
        raise AssertionError("a device from nowhere")
    except Unprovisioned as error:
        assert not isinstance(error, Erased)
        assert str(error) == "/device/device.json is missing: commission this center"
    flash.files["/device/device.json"] = b"{"
    try:
        vault.device()
        raise AssertionError("half a device")
    except ValueError:
        pass


def test_a_doomed_vault_is_erased_at_the_next_start():
    """An erasure that was ordered outlives a power cut before it began."""
    flash = Flash(commissioned())
    assert Vault("", flash, flash.open).doom()
    assert start(flash) == "erased"
    assert sorted(flash.files) == sorted(KEPT)
