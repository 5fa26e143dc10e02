-- An index without a transaction, but with its lock.

-- UP
CREATE INDEX things_token_ix ON public.things (token);

-- DOWN
DROP INDEX public.things_token_ix;
