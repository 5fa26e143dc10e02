-- A rule that every row is tried against at once.

-- UP
ALTER TABLE public.things ADD CONSTRAINT things_weight_ck CHECK (weight > 0);

-- DOWN
ALTER TABLE public.things DROP CONSTRAINT things_weight_ck;
