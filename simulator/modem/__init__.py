"""Cellular modems that are not there: AT commands on ptys, joined by one message center. docs/modem-simulator.md."""
