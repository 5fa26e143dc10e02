-- A way down that fails.

-- UP
CREATE TABLE public.things (id integer PRIMARY KEY);

-- DOWN
DROP TABLE public.thongs;
