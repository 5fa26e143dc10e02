-- Discarded files, oldest first along discarded_files_pkey, and locked; those that another worker has
-- locked are left out. So is a key that its old row names again, as an avatar that was chosen again.
-- spaces on a cluster: SELECT DISTINCT space_id FROM public.discarded_files
SELECT file.id, file.storage_key, file.created_at
FROM public.discarded_files AS file
WHERE
    file.id > %(after)s
    -- on a cluster: AND file.space_id = %(space)s
    AND NOT EXISTS (
        SELECT
        FROM public.message_attachments AS named
        WHERE named.space_id = file.space_id AND named.storage_key = file.storage_key
    )
    AND NOT EXISTS (
        SELECT
        FROM public.users AS named
        WHERE named.id = file.space_id AND named.avatar_key = file.storage_key
    )
    AND NOT EXISTS (
        SELECT
        FROM public.servers AS named
        WHERE named.space_id = file.space_id AND named.icon_key = file.storage_key
    )
ORDER BY file.id
LIMIT %(limit)s
FOR UPDATE OF file SKIP LOCKED;
