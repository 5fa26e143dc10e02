CREATE TABLE public.things (id integer PRIMARY KEY, name text);
INSERT INTO public.things VALUES (1, 'one'), (2, 'one');

CREATE UNIQUE INDEX CONCURRENTLY things_name_uq
    ON public.things (name);
