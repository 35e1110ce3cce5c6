"""Prints which interpreter this is."""

import sys

print(sys.implementation.name)
