-- The second statement is wrong.
CREATE TABLE things (id integer PRIMARY KEY);
CREATE TABEL others ();
