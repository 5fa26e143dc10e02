-- The second time it finds the row of the first.

-- UP
ALTER TABLE public.things ADD COLUMN size integer;

DO $do$
BEGIN
    IF EXISTS (SELECT FROM public.things) THEN
        ALTER TABLE public.things ALTER COLUMN size SET DEFAULT 7;
    END IF;
END
$do$;

INSERT INTO public.things (id) VALUES (1) ON CONFLICT DO NOTHING;

-- DOWN
ALTER TABLE public.things DROP COLUMN size;
