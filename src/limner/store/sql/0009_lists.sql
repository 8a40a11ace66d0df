-- Labels: the metadata of responses, to find them by. Responses made before have none here.
CREATE TABLE response_labels (
    response_id TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (response_id, name)
);
CREATE INDEX response_labels_by_value ON response_labels (owner, name, value);
CREATE INDEX responses_of_owner ON responses (owner, created_at, id);
ALTER TABLE conversations ADD COLUMN changed_at DOUBLE PRECISION NOT NULL DEFAULT 0;
UPDATE conversations SET changed_at = created_at;
CREATE INDEX conversations_of_owner ON conversations (owner, changed_at, id);
