-- What central keeps. u64 values (incident ids) are stored as signed 64-bit integers; times are Unix seconds.

CREATE TABLE municipality (number INTEGER PRIMARY KEY, name TEXT NOT NULL);

CREATE TABLE "group" (
  number INTEGER PRIMARY KEY,
  municipality INTEGER NOT NULL REFERENCES municipality,
  name TEXT NOT NULL,
  polygon TEXT NOT NULL                -- JSON ring of [lon, lat], WGS 84, closed
);

CREATE TABLE gateway (
  number INTEGER PRIMARY KEY,
  municipality INTEGER NOT NULL REFERENCES municipality,
  root BLOB NOT NULL,                  -- wrapped under the master key
  sign_key BLOB NOT NULL,              -- Ed25519 public key, 32 octets
  sequence_epoch INTEGER NOT NULL,
  hop_down INTEGER NOT NULL DEFAULT 0, -- last sequence taken for an envelope towards it
  hop_up INTEGER NOT NULL DEFAULT 0,   -- highest sequence seen from it
  upto INTEGER NOT NULL DEFAULT 0,     -- receipt: every outbox entry up to here is stored
  beyond INTEGER NOT NULL DEFAULT 0    -- receipt: bit map of the 32 after it
);

CREATE TABLE center (
  number INTEGER PRIMARY KEY,
  "group" INTEGER NOT NULL REFERENCES "group",
  gateway INTEGER NOT NULL REFERENCES gateway,
  lat REAL NOT NULL,
  lon REAL NOT NULL,
  root BLOB NOT NULL,                  -- wrapped under the master key
  epoch INTEGER NOT NULL DEFAULT 0,
  boot INTEGER NOT NULL DEFAULT 0,
  nonce BLOB,                          -- of its present boot; NULL until its first hello
  counter INTEGER NOT NULL DEFAULT 0,  -- last one taken, authority central
  counter_drill INTEGER NOT NULL DEFAULT 0
);

-- Keys of apps and tokens of operators: only a hash is kept, the secret is shown once.
CREATE TABLE credential (
  hash BLOB PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('app', 'operator')),
  municipality INTEGER NOT NULL REFERENCES municipality,
  name TEXT NOT NULL,
  created INTEGER NOT NULL
);

CREATE TABLE incident (
  id INTEGER PRIMARY KEY,
  municipality INTEGER NOT NULL REFERENCES municipality,
  "group" INTEGER REFERENCES "group",
  class TEXT NOT NULL,
  state TEXT NOT NULL,
  attention INTEGER NOT NULL DEFAULT 0, -- 1: its deadline passed and a person was told
  opened REAL NOT NULL,
  deadline REAL NOT NULL
);
CREATE INDEX incident_open ON incident ("group", class, opened) WHERE state <> 'closed';
CREATE INDEX incident_due ON incident (deadline) WHERE state <> 'closed' AND attention = 0;

CREATE TABLE alert (
  municipality INTEGER NOT NULL,
  id TEXT NOT NULL,                     -- made by the client
  incident INTEGER NOT NULL REFERENCES incident,
  class TEXT NOT NULL,
  source TEXT NOT NULL,
  reporter TEXT,
  lat REAL, lon REAL, accuracy_m REAL, position_age_s REAL,
  age_s REAL NOT NULL,
  received REAL NOT NULL,
  plan TEXT NOT NULL,                   -- JSON, as answered
  PRIMARY KEY (municipality, id)
);
CREATE INDEX alert_incident ON alert (incident);

CREATE TABLE command (
  center INTEGER NOT NULL REFERENCES center,
  authority INTEGER NOT NULL,
  counter INTEGER NOT NULL,
  incident INTEGER NOT NULL REFERENCES incident,
  activation INTEGER NOT NULL,
  class INTEGER NOT NULL,
  action INTEGER NOT NULL,
  duration INTEGER NOT NULL,
  frame BLOB NOT NULL,
  state TEXT NOT NULL,                  -- pending, accepted, sounding, done, refused, failed, expired, superseded
  issued REAL NOT NULL,
  expires REAL NOT NULL,
  next_at REAL,                         -- when it is sent again; NULL: never
  attempts INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (center, authority, counter)
);
CREATE INDEX command_due ON command (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX command_incident ON command (incident);

CREATE TABLE ack (
  center INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  gateway INTEGER NOT NULL,
  incident INTEGER NOT NULL,
  status INTEGER NOT NULL,
  received REAL NOT NULL,
  octets BLOB NOT NULL,                 -- countersigned, as received: the evidence
  PRIMARY KEY (center, sequence)
);
CREATE INDEX ack_incident ON ack (incident);

CREATE TABLE entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  incident INTEGER NOT NULL REFERENCES incident,
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX entry_incident ON entry (incident);
CREATE TRIGGER entry_kept BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END;
CREATE TRIGGER entry_unchanged BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END;

-- Frames that were not believed, newest thousand: for whoever looks into an attack or a fault.
CREATE TABLE refusal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at REAL NOT NULL,
  device TEXT NOT NULL,
  reason TEXT NOT NULL,
  octets BLOB NOT NULL
);
