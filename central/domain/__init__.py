"""The decisions of central. Pure: no loop, clock, socket, database, log or framework; `now` comes in."""
