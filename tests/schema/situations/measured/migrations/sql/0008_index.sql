-- An index.

-- UP
CREATE INDEX things_size_ix ON public.things (size);

-- DOWN
DROP INDEX public.things_size_ix;
