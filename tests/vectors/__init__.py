"""docs/protocol.md a second time, with the standard library and cryptography alone; `python -m tests.vectors` writes it.

Nothing of `protocol` is imported here, on purpose: what the two agree on is the contract and not a habit of one program.
"""
