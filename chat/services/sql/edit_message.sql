-- Replaces the content; the trigger keeps what was there, and counts the version.
UPDATE public.messages
SET content = %(content)s
WHERE space_id = %(space)s AND id = %(id)s
RETURNING id, content, version, edited_at;
