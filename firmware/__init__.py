"""The program of an alarm center. Runs on MicroPython; `protocol` is all that it shares with the other ends."""
