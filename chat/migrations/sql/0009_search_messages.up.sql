-- The extension by which the tenant can stand in front of the words in one index. If it is here
-- already it is somebody else's; the comment tells the way back whose it is.

DO $migration$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'btree_gin') THEN
        CREATE EXTENSION btree_gin;
        COMMENT ON EXTENSION btree_gin IS 'made by chat.0009_search_messages';
    END IF;
END
$migration$;
