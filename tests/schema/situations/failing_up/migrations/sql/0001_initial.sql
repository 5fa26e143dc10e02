-- A table.

-- UP
CREATE TABLE public.things (id integer PRIMARY KEY);

-- DOWN
DROP TABLE public.things;
