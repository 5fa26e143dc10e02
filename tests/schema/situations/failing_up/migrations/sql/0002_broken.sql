-- A way up that fails.

-- UP
ALTER TABLE public.thongs ADD COLUMN size integer;

-- DOWN
-- Nothing.
