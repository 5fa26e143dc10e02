-- Reservations that were never sent, oldest first, along message_attachments_unsent_ix.
SELECT file.id, file.storage_key, file.size_bytes, file.created_at
FROM public.message_attachments AS file
WHERE
    file.message_id IS NULL
    AND file.created_at < %(before)s
ORDER BY file.created_at, file.id
LIMIT %(limit)s;
