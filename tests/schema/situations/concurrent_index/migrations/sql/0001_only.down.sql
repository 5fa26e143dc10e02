DROP INDEX CONCURRENTLY public.things_name_ix;
DROP TABLE public.things;
