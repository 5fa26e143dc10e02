-- Two tables.

-- UP
CREATE TABLE public.owners (id integer PRIMARY KEY);

CREATE TABLE public.things (id integer PRIMARY KEY, size integer, owner_id integer);

-- DOWN
DROP TABLE public.things;
DROP TABLE public.owners;
