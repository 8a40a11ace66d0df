-- Jobs. A claim raises the epoch, and every later write names the one that it holds.
-- record, outcome: JSON whose pictures lie in blobs. attended: a client waits for the answer.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'in_progress', 'completed', 'failed', 'cancelled')),
    record BYTEA NOT NULL,
    outcome BYTEA,
    created_at DOUBLE PRECISION NOT NULL,
    started_at DOUBLE PRECISION,
    ended_at DOUBLE PRECISION,
    deadline_at DOUBLE PRECISION NOT NULL,
    attended INTEGER NOT NULL,
    attempts BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    worker TEXT NOT NULL,
    lease_until DOUBLE PRECISION NOT NULL
);
CREATE INDEX jobs_that_go_on ON jobs (worker) WHERE status IN ('queued', 'in_progress');
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL;
