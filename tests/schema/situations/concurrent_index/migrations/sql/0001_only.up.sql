CREATE TABLE public.things (id integer PRIMARY KEY, name text);
-- Not possible in a transaction; hence one statement at a time.
CREATE INDEX CONCURRENTLY things_name_ix ON public.things (name);
