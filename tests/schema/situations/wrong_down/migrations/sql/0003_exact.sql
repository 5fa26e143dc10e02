-- Right, and in need of what came before.

-- UP
ALTER TABLE public.things ALTER COLUMN loud SET DEFAULT true;

-- DOWN
ALTER TABLE public.things ALTER COLUMN loud SET DEFAULT false;
