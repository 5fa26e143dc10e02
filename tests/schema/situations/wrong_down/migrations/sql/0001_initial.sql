-- A table.

-- UP
CREATE TABLE public.things (id integer PRIMARY KEY, name text);

-- DOWN
DROP TABLE public.things;
