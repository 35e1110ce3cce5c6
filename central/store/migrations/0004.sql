-- The second bearer: where a gateway takes short messages, which of its envelopes came (they overtake one another there),
-- and what has been sent by SMS.
ALTER TABLE gateway ADD COLUMN sms_number TEXT;                     -- +549...; NULL: it is not reached by SMS
ALTER TABLE gateway ADD COLUMN hop_seen INTEGER NOT NULL DEFAULT 0; -- bit n: envelope hop_up - 1 - n came
ALTER TABLE gateway ADD COLUMN hop_ordered INTEGER NOT NULL DEFAULT 0; -- the highest that came by MQTT, which keeps them in order
UPDATE gateway SET hop_ordered = hop_up;
ALTER TABLE command ADD COLUMN sms_at REAL;                         -- when it last went by SMS
ALTER TABLE command ADD COLUMN sms_tries INTEGER NOT NULL DEFAULT 0;

-- An operator's stop for one group of a gateway, until its time is over or it is known to be silent.
CREATE TABLE group_stop (
  number INTEGER PRIMARY KEY,           -- the order's number on the wire: never below Unix time, so that a backup gives none twice
  gateway INTEGER NOT NULL REFERENCES gateway,
  "group" INTEGER NOT NULL REFERENCES "group",
  incident INTEGER NOT NULL REFERENCES incident,
  issued REAL NOT NULL,
  expires REAL NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0,     -- 1: the gateway said what became of it
  sms_at REAL,
  sms_tries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX group_stop_open ON group_stop (expires) WHERE ended = 0;
