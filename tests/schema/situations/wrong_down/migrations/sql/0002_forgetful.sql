-- The way down forgets the index, and turns a default.

-- UP
CREATE INDEX things_name_ix ON public.things (name);
ALTER TABLE public.things ADD COLUMN loud boolean NOT NULL DEFAULT false;

-- DOWN
ALTER TABLE public.things DROP COLUMN loud;
ALTER TABLE public.things ALTER COLUMN name SET DEFAULT 'x';
