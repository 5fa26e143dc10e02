-- Replaces the content; the trigger keeps what was there, and counts the version.
UPDATE public.direct_messages
SET content = %(content)s
WHERE conversation_id = %(conversation)s AND id = %(id)s
RETURNING id, content, version, edited_at;
