-- Removes reservations that were never sent, as unsent_attachments.sql finds them. What somebody is
-- just sending is locked, and left out.
WITH unsent AS MATERIALIZED (
    SELECT file.space_id, file.id
    FROM public.message_attachments AS file
    WHERE
        file.message_id IS NULL
        AND file.created_at < %(before)s
    ORDER BY file.created_at, file.id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)

DELETE FROM public.message_attachments AS file
USING unsent
WHERE file.space_id = unsent.space_id AND file.id = unsent.id
RETURNING file.id, file.storage_key, file.size_bytes, file.created_at;
