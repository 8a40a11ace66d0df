-- Pictures of stored responses, to look through. folded: the prompt for searches. digest: NULL for
-- a picture from before this table, which the server reads in as it starts.
CREATE TABLE gallery (
    id TEXT PRIMARY KEY,
    response_id TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    owner TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    digest TEXT,
    format TEXT,
    width BIGINT,
    height BIGINT,
    prompt TEXT,
    folded TEXT,
    seed BIGINT,
    starred INTEGER NOT NULL
);
CREATE INDEX gallery_of_owner ON gallery (owner, created_at, response_id, position);
CREATE INDEX gallery_of_response ON gallery (response_id);
CREATE TABLE thumbnails (
    picture_id TEXT NOT NULL REFERENCES gallery (id) ON DELETE CASCADE,
    width BIGINT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (picture_id, width)
);
INSERT INTO gallery (id, response_id, position, owner, created_at, starred)
    SELECT i.id, i.response_id, i.position, i.owner, r.created_at, 0
    FROM response_items i JOIN responses r ON r.id = i.response_id
    WHERE i.direction = 'out' AND substr(i.id, 1, 3) = 'ig_' AND r.stored = 1
    ON CONFLICT DO NOTHING;
