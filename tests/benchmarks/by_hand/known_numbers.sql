-- The numbers above `low` of `counted` that are no news to its user: purged, imported, or there before
-- they could read the channel. Ranges may overlap, so they are made one.
SELECT range_agg(int8range(greatest(past.first_seq, counted.low + 1), past.last_seq, '[]'))
FROM read_ranges AS past
WHERE
    past.space_id = counted.space_id
    AND past.channel_id = counted.channel_id
    AND past.last_seq > counted.low
    AND (
        past.reason = 'purge'
        OR past.reason = 'import' AND past.last_seq > counted.mark_upto
        OR past.reason = 'opening' AND past.last_seq > counted.mark_upto
        AND NOT could_read(
            past.role_ids,
            past.permissions,
            past.allow,
            past.deny,
            (
                SELECT role_ids || everyones_id
                FROM member
                WHERE space_id = counted.space_id
            ),
            (
                SELECT allow
                FROM channel_permissions
                WHERE
                    space_id = counted.space_id
                    AND channel_id = counted.ruled_by
                    AND role_id IS NULL
                    AND user_id = %(user)s
            ),
            (
                SELECT deny
                FROM channel_permissions
                WHERE
                    space_id = counted.space_id
                    AND channel_id = counted.ruled_by
                    AND role_id IS NULL
                    AND user_id = %(user)s
            )
        )
        AND NOT EXISTS (
            SELECT FROM servers WHERE space_id = counted.space_id AND owner_id = %(user)s
        )
    )
