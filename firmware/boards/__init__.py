"""Pin maps, one module per board: names of pins and what the wiring does, no behaviour."""
