-- Right, whatever came before.

-- UP
ALTER TABLE public.things ADD COLUMN size integer;

-- DOWN
ALTER TABLE public.things DROP COLUMN size;
