-- Whether the viewer can read `message`, and it fits the filters. Asked row by row: what is under IS
-- TRUE or in a SELECT of one value can be no join, for which the planner would read whole tables.
-- Other statements include it.
(message.channel_id IN (SELECT channel_id FROM readable)) IS TRUE
AND (%(author)s::uuid IS NULL OR message.author_id = %(author)s::uuid)
AND (NOT %(is_pinned)s OR message.pinned_at IS NOT NULL)
AND (
    NOT %(has_link)s
    OR message.content ~ '[Hh][Tt][Tt][Pp][Ss]?://[^\u0001-\u0020<>]' COLLATE "C"
)
AND (
    NOT (SELECT %(has_file)s::boolean)
    OR (
        SELECT true
        FROM public.message_attachments AS file
        WHERE file.space_id = message.space_id AND file.message_id = message.id
        LIMIT 1
    )
)
AND (
    NOT (SELECT %(mentions_viewer)s::boolean)
    OR (
        SELECT true
        FROM public.mentions AS mention
        WHERE
            mention.user_id = %(user)s
            AND mention.space_id = message.space_id
            AND mention.channel_id = message.channel_id
            AND mention.seq = message.seq
    )
)
