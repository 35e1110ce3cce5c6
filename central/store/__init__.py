"""Central's database: SQLite, one writer that commits all waiting units of work together, readers beside it."""
