-- A table.
CREATE TABLE things (id integer PRIMARY KEY);
