-- What an operator wants a gateway to run with: the newest version alone, sent until the gateway's status names it.
CREATE TABLE gateway_wish (
  gateway INTEGER PRIMARY KEY REFERENCES gateway,
  version INTEGER NOT NULL,               -- never below Unix time, so that a backup gives none twice
  options TEXT NOT NULL,                  -- JSON, as in the document of settings
  made REAL NOT NULL,
  told INTEGER NOT NULL DEFAULT 0,        -- 1: the gateway knows it, whatever became of it
  sms_at REAL,
  sms_tries INTEGER NOT NULL DEFAULT 0
);

-- What each gateway said of itself last.
CREATE TABLE gateway_status (
  gateway INTEGER PRIMARY KEY REFERENCES gateway,
  at REAL NOT NULL,
  document TEXT NOT NULL                  -- JSON
);
