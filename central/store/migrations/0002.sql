-- Alerts raised by a fob: which one, and whether anybody may have sent it (a fixed code can be recorded).
ALTER TABLE alert ADD COLUMN slot INTEGER;
ALTER TABLE alert ADD COLUMN low_assurance INTEGER NOT NULL DEFAULT 0;

-- The last event of each kind by center: what the fleet shows again after a restart.
CREATE INDEX ack_event ON ack (center, status, received) WHERE status BETWEEN 32 AND 127;
