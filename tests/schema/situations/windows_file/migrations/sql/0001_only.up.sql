-- Saved by an editor of Windows.
CREATE TABLE things (
    id integer PRIMARY KEY
);
