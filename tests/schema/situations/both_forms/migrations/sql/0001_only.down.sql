DROP TABLE public.things;
