-- A default that differs from row to row.

-- UP
ALTER TABLE public.things ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();

-- DOWN
ALTER TABLE public.things DROP COLUMN token;
