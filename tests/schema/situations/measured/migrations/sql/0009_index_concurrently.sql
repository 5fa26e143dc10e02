-- An index that nobody waits for.

-- UP
CREATE INDEX CONCURRENTLY things_weight_ix ON public.things (weight);

-- DOWN
DROP INDEX CONCURRENTLY public.things_weight_ix;
