-- A rule for new rows.

-- UP
ALTER TABLE public.things ADD CONSTRAINT things_size_ck CHECK (size > 0) NOT VALID;

-- DOWN
ALTER TABLE public.things DROP CONSTRAINT things_size_ck;
