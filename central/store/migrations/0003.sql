-- Releases of the centers' program, verified when they were added; an image is a file named by sequence and board.
CREATE TABLE release (
  sequence INTEGER NOT NULL,
  board TEXT NOT NULL,
  version TEXT NOT NULL,
  size INTEGER NOT NULL,
  digest BLOB NOT NULL,                 -- SHA-256 of the image
  minimum_from INTEGER NOT NULL,
  expiry INTEGER NOT NULL,
  manifest BLOB NOT NULL,               -- as it was signed
  added REAL NOT NULL,
  PRIMARY KEY (sequence, board)
);

-- Whom a release is meant for; without a row nobody is offered it, and nobody is sent a block of it.
CREATE TABLE release_target (
  sequence INTEGER NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('all', 'group', 'center')),
  number INTEGER NOT NULL,              -- of the group or center; 0 for all
  made REAL NOT NULL,
  PRIMARY KEY (sequence, scope, number)
);

-- What each center's newest report says of its program.
CREATE TABLE program (
  center INTEGER PRIMARY KEY REFERENCES center,
  at REAL NOT NULL,
  report INTEGER NOT NULL,              -- the report's sequence: an older one, shown again, says nothing
  board TEXT NOT NULL,
  version TEXT NOT NULL,
  running INTEGER,                      -- sequence of the release that runs; NULL: it does not say
  pending INTEGER NOT NULL,             -- sequence of the release on its way in; 0: none
  percent INTEGER NOT NULL,
  state TEXT NOT NULL,
  error TEXT NOT NULL
);
