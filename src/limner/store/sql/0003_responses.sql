-- Responses. A claim raises the epoch, and every write of a run names the one that it holds.
-- logged: whether its events are kept, so that a run goes on without its client or its process.
CREATE TABLE responses (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'in_progress', 'completed', 'failed', 'incomplete', 'cancelled')),
    created_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    deadline_at DOUBLE PRECISION NOT NULL,
    stored INTEGER NOT NULL,
    background INTEGER NOT NULL,
    streamed INTEGER NOT NULL,
    logged INTEGER NOT NULL,
    previous_id TEXT,
    conversation_id TEXT,
    idempotency_key TEXT,
    digest TEXT,
    request BYTEA,
    response BYTEA NOT NULL,
    spent TEXT NOT NULL,
    refusal TEXT,
    epoch BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_until DOUBLE PRECISION NOT NULL,
    cancel_requested INTEGER NOT NULL
);
CREATE UNIQUE INDEX responses_by_key ON responses (owner, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX responses_by_lease ON responses (lease_until)
    WHERE status IN ('queued', 'in_progress');
CREATE INDEX responses_that_expire ON responses (expires_at);
CREATE INDEX responses_of_conversation ON responses (conversation_id)
    WHERE conversation_id IS NOT NULL;
CREATE TABLE response_items (
    response_id TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    position BIGINT NOT NULL,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    item BYTEA NOT NULL,
    PRIMARY KEY (response_id, direction, position)
);
CREATE INDEX response_items_by_id ON response_items (owner, id);
CREATE TABLE response_events (
    response_id TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    frame BYTEA NOT NULL,
    PRIMARY KEY (response_id, number)
);
