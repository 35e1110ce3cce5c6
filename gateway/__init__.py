"""The gateway's service, on a Raspberry Pi between two brokers: it carries and keeps, and cannot forge.

It holds no key with which it could speak for central to a center, and none with which it could speak for a center.
"""
