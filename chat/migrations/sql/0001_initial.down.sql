-- The tables are gone by now, and with them all that used these functions.

DROP FUNCTION public.direct_pair_id(uuid, uuid);

-- Absent on PostgreSQL 18, where pg_catalog's own is used.
DROP FUNCTION IF EXISTS public.uuidv7(interval);
