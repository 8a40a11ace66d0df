CREATE TABLE replies (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    runner TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    lease_until DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    status INTEGER,
    headers TEXT,
    body BYTEA,
    UNIQUE (owner, route, key)
);
CREATE INDEX replies_that_expire ON replies (expires_at);
