-- A table that stays.
CREATE TABLE things (id integer PRIMARY KEY);
