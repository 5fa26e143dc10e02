CREATE TABLE public.things (id integer PRIMARY KEY);

COMMIT;
CREATE TABLE public.others (id integer PRIMARY KEY);
