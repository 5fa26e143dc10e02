-- The rule for the rows that were there.

-- UP
ALTER TABLE public.things VALIDATE CONSTRAINT things_size_ck;

-- DOWN
ALTER TABLE public.things
    DROP CONSTRAINT things_size_ck,
    ADD CONSTRAINT things_size_ck CHECK (size > 0) NOT VALID;
