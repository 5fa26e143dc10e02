-- Both steps in one transaction, which holds the lock of the first in the second.

-- UP
ALTER TABLE public.things ADD CONSTRAINT things_size_high_ck CHECK (size < 9) NOT VALID;
ALTER TABLE public.things VALIDATE CONSTRAINT things_size_high_ck;

-- DOWN
ALTER TABLE public.things DROP CONSTRAINT things_size_high_ck;
