-- Which blobs are needed, and by whom: one row for each picture of each holder.
CREATE TABLE pictures (
    digest TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (digest, holder)
);
CREATE INDEX pictures_of_holder ON pictures (holder);
