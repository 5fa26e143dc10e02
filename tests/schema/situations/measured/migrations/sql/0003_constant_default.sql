-- A default that is the same for every row.

-- UP
ALTER TABLE public.things ADD COLUMN weight integer NOT NULL DEFAULT 1;

-- DOWN
ALTER TABLE public.things DROP COLUMN weight;
