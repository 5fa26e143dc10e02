-- What a user may do in one channel or conversation; no row where they see none.
WITH
-- include: access.sql
SELECT permissions FROM access;
