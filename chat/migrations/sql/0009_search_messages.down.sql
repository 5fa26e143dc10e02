-- Drops the extension only if the way up made it.

DO $migration$
BEGIN
    IF EXISTS (
        SELECT
        FROM pg_extension
        WHERE
            extname = 'btree_gin'
            AND obj_description(oid, 'pg_extension') = 'made by chat.0009_search_messages'
    ) THEN
        DROP EXTENSION btree_gin;
    END IF;
END
$migration$;
