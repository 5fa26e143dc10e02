-- Long enough to be interrupted.

-- UP
SELECT pg_sleep(600);

-- DOWN
-- Nothing to undo.
