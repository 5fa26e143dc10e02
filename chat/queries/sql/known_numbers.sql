-- The numbers after the read mark of `marked` that are not unread: purged, imported, or there before
-- this reader could read the channel, whose space and roles are those of `member`. Other statements
-- include it. After a mark is set back, what was imported or there before is unread up to ranges_upto
-- of the mark; what was purged never is.
SELECT range_agg(int8range(greatest(past.first_seq, marked.read_upto + 1), past.last_seq, '[]'))
FROM public.read_ranges AS past
LEFT JOIN public.channel_permissions AS own
    ON
        past.reason = 'opening'
        AND own.space_id = member.space_id
        AND own.channel_id
        = CASE marked.kind WHEN 'thread' THEN marked.parent_id ELSE marked.channel_id END
        AND own.role_id IS NULL
        AND own.user_id = %(user)s
WHERE
    past.space_id = member.space_id
    AND past.channel_id = marked.channel_id
    AND past.last_seq > marked.read_upto
    AND CASE
        WHEN past.reason = 'purge' THEN TRUE
        WHEN past.last_seq <= marked.mark_ranges_upto THEN FALSE
        WHEN past.reason = 'import' THEN TRUE
        WHEN EXISTS (
            SELECT
            FROM public.servers
            WHERE space_id = member.space_id AND owner_id = %(user)s
        ) THEN FALSE
        ELSE NOT public.could_read(
            past.role_ids,
            past.permissions,
            past.allow,
            past.deny,
            member.role_ids,
            own.allow,
            own.deny
        )
    END
