-- A script with a transaction of its own.

-- UP
BEGIN;
LOCK TABLE public.things IN EXCLUSIVE MODE;
ALTER TABLE public.things ADD COLUMN note text;
COMMIT;

-- DOWN
ALTER TABLE public.things DROP COLUMN note;
