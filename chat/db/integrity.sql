-- What the triggers hold, asked again of the rows that are there: each rule is one query, and what it
-- finds breaks the rule. Foreign keys are asked by integrity.py. Past a CHECK or a unique index goes
-- nothing, unless the index waits for COMMIT, where a trigger asks it.
--
-- A query reads one space, or all when %(space)s is NULL. Tables meet by space_id, or users by id, so
-- it runs on a cluster too. It returns ids and numbers, and nothing that somebody wrote.

-- Rule: channel_has_counter
-- A channel has its counter.
SELECT channel.space_id, channel.id AS channel_id
FROM public.channels AS channel
LEFT JOIN public.channel_counters AS counter
    ON counter.space_id = channel.space_id AND counter.channel_id = channel.id
WHERE
    (%(space)s::uuid IS NULL OR channel.space_id = %(space)s)
    AND counter.channel_id IS NULL;

-- Rule: numbers_have_no_gap
-- The numbers of a channel go from first_seq to last_seq without a gap, but for what was purged.
SELECT
    counter.space_id,
    counter.channel_id,
    counter.first_seq,
    counter.last_seq,
    found.lowest,
    found.highest,
    coalesce(found.messages, 0) AS messages,
    coalesce(gone.messages, 0) AS purged
FROM public.channel_counters AS counter
LEFT JOIN (
    SELECT
        space_id, channel_id, count(*) AS messages, min(seq) AS lowest, max(seq) AS highest
    FROM public.messages
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    GROUP BY space_id, channel_id
) AS found
    ON found.space_id = counter.space_id AND found.channel_id = counter.channel_id
LEFT JOIN (
    SELECT
        purged.space_id,
        purged.channel_id,
        sum(purged.last_seq - purged.first_seq + 1) AS messages
    FROM public.read_ranges AS purged
    INNER JOIN public.channel_counters AS place
        ON place.space_id = purged.space_id AND place.channel_id = purged.channel_id
    WHERE
        (%(space)s::uuid IS NULL OR purged.space_id = %(space)s)
        AND purged.reason = 'purge'
        AND purged.first_seq >= place.first_seq
    GROUP BY purged.space_id, purged.channel_id
) AS gone
    ON gone.space_id = counter.space_id AND gone.channel_id = counter.channel_id
WHERE
    (%(space)s::uuid IS NULL OR counter.space_id = %(space)s)
    AND (
        coalesce(found.messages, 0) + coalesce(gone.messages, 0)
        <> counter.last_seq - counter.first_seq + 1
        OR found.lowest <> counter.first_seq
        OR found.highest > counter.last_seq
    );

-- Rule: newest_moment_is_known
-- last_message_at of a channel is not before any of its messages.
SELECT counter.space_id, counter.channel_id, counter.last_message_at, found.newest_at
FROM public.channel_counters AS counter
INNER JOIN (
    SELECT space_id, channel_id, max(created_at) AS newest_at
    FROM public.messages
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    GROUP BY space_id, channel_id
) AS found
    ON found.space_id = counter.space_id AND found.channel_id = counter.channel_id
WHERE
    (%(space)s::uuid IS NULL OR counter.space_id = %(space)s)
    AND coalesce(counter.last_message_at < found.newest_at, true);

-- Rule: closed_as_it_should_be
-- A channel takes no messages when it is a category, archived or deleted, or in what is deleted.
SELECT counter.space_id, counter.channel_id, counter.closed
FROM public.channel_counters AS counter
INNER JOIN public.channels AS channel
    ON channel.space_id = counter.space_id AND channel.id = counter.channel_id
LEFT JOIN public.channels AS parent
    ON
        channel.kind = 'thread'
        AND parent.space_id = channel.space_id
        AND parent.id = channel.parent_id
LEFT JOIN public.servers AS server
    ON server.space_id = channel.space_id
WHERE
    (%(space)s::uuid IS NULL OR counter.space_id = %(space)s)
    AND counter.closed <> (
        channel.kind = 'category'
        OR channel.deleted_at IS NOT NULL
        OR channel.archived_at IS NOT NULL
        OR parent.deleted_at IS NOT NULL
        OR server.deleted_at IS NOT NULL
    );

-- Rule: category_is_empty
-- A category has no messages.
SELECT channel.space_id, channel.id AS channel_id, counter.last_seq
FROM public.channels AS channel
INNER JOIN public.channel_counters AS counter
    ON counter.space_id = channel.space_id AND counter.channel_id = channel.id
WHERE
    (%(space)s::uuid IS NULL OR channel.space_id = %(space)s)
    AND channel.kind = 'category'
    AND counter.last_seq > 0;

-- Rule: space_is_a_server_or_a_conversation
-- No id is that of a server and of a conversation.
SELECT channel.space_id
FROM public.channels AS channel
INNER JOIN public.servers AS server
    ON server.space_id = channel.space_id
WHERE
    (%(space)s::uuid IS NULL OR channel.space_id = %(space)s)
    AND channel.server_id IS NULL;

-- Rule: ranges_are_within_the_channel
-- What is unread to nobody, and how far a counter says that there is such, is not past the newest
-- message.
SELECT counter.space_id, counter.channel_id, counter.last_seq, found.upto
FROM public.channel_counters AS counter
INNER JOIN (
    SELECT space_id, channel_id, last_seq AS upto
    FROM public.read_ranges
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT space_id, channel_id, ranges_upto
    FROM public.channel_counters
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
) AS found
    ON found.space_id = counter.space_id AND found.channel_id = counter.channel_id
WHERE
    (%(space)s::uuid IS NULL OR counter.space_id = %(space)s)
    AND found.upto > counter.last_seq;

-- Rule: message_has_its_earlier_versions
-- A message that was edited has each earlier version, and the time of the edit, unless its author was
-- erased.
SELECT
    message.space_id,
    message.id AS message_id,
    message.version,
    coalesce(kept.revisions, 0) AS revisions
FROM public.messages AS message
LEFT JOIN (
    SELECT space_id, message_id, count(*) AS revisions, max(version) AS newest
    FROM public.message_revisions
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    GROUP BY space_id, message_id
) AS kept
    ON kept.space_id = message.space_id AND kept.message_id = message.id
LEFT JOIN public.users AS author
    ON author.id = message.author_id
WHERE
    (%(space)s::uuid IS NULL OR message.space_id = %(space)s)
    AND author.erased_at IS NULL
    AND (
        coalesce(kept.revisions, 0) <> message.version - 1
        OR kept.newest >= message.version
        OR (message.version > 1 AND message.edited_at IS NULL)
    );

-- Rule: member_is_not_banned
-- Nobody is a member of a server that they are banned from.
SELECT ban.space_id, ban.user_id
FROM public.bans AS ban
INNER JOIN public.server_members AS member
    ON member.space_id = ban.space_id AND member.user_id = ban.user_id
WHERE
    (%(space)s::uuid IS NULL OR ban.space_id = %(space)s)
    AND (ban.expires_at IS NULL OR ban.expires_at > now());

-- Rule: read_mark_is_not_past_the_newest
-- A read mark is not past the newest message.
SELECT mark.space_id, mark.channel_id, mark.user_id, mark.last_read_seq, counter.last_seq
FROM public.read_states AS mark
INNER JOIN public.channel_counters AS counter
    ON counter.space_id = mark.space_id AND counter.channel_id = mark.channel_id
WHERE
    (%(space)s::uuid IS NULL OR mark.space_id = %(space)s)
    AND mark.last_read_seq > counter.last_seq;

-- Rule: read_mark_is_of_who_is_there
-- A read mark is of a member of the server, or of somebody who takes or took part in the conversation.
SELECT mark.space_id, mark.channel_id, mark.user_id
FROM public.read_states AS mark
LEFT JOIN public.server_members AS member
    ON member.space_id = mark.space_id AND member.user_id = mark.user_id
LEFT JOIN public.participants AS participant
    ON participant.space_id = mark.space_id AND participant.user_id = mark.user_id
WHERE
    (%(space)s::uuid IS NULL OR mark.space_id = %(space)s)
    AND member.user_id IS NULL
    AND participant.user_id IS NULL;

-- Rule: pair_is_of_its_two
-- Nobody but its two takes part in a pair, and of these only who was erased has left.
SELECT pair.space_id, participant.user_id, participant.left_at
FROM public.channels AS pair
INNER JOIN public.participants AS participant
    ON participant.space_id = pair.space_id
LEFT JOIN public.users AS account
    ON account.id = participant.user_id
WHERE
    (%(space)s::uuid IS NULL OR pair.space_id = %(space)s)
    AND pair.kind = 'pair'
    AND (
        participant.user_id NOT IN (pair.pair_low_id, pair.pair_high_id)
        OR (participant.left_at IS NOT NULL AND account.erased_at IS NULL)
    );

-- Rule: no_stranger_in_a_conversation
-- What is in a conversation is of somebody who takes or took part in it.
SELECT found.what, found.space_id, found.id, found.user_id
FROM (
    SELECT 'messages' AS what, message.space_id, message.id, message.author_id AS user_id
    FROM public.messages AS message
    INNER JOIN public.channels AS conversation
        ON
            conversation.space_id = message.space_id
            AND conversation.id = message.channel_id
            AND conversation.server_id IS NULL
    LEFT JOIN public.participants AS author
        ON author.space_id = message.space_id AND author.user_id = message.author_id
    WHERE
        (%(space)s::uuid IS NULL OR message.space_id = %(space)s)
        AND message.author_id IS NOT NULL
        AND author.user_id IS NULL
    UNION ALL
    SELECT 'reactions', reaction.space_id, reaction.id, reaction.user_id
    FROM public.reactions AS reaction
    INNER JOIN public.channels AS conversation
        ON
            conversation.space_id = reaction.space_id
            AND conversation.id = reaction.space_id
            AND conversation.server_id IS NULL
    LEFT JOIN public.participants AS reacting
        ON reacting.space_id = reaction.space_id AND reacting.user_id = reaction.user_id
    WHERE
        (%(space)s::uuid IS NULL OR reaction.space_id = %(space)s)
        AND reacting.user_id IS NULL
    UNION ALL
    SELECT 'message_attachments', file.space_id, file.id, file.uploader_id
    FROM public.message_attachments AS file
    INNER JOIN public.channels AS conversation
        ON
            conversation.space_id = file.space_id
            AND conversation.id = file.space_id
            AND conversation.server_id IS NULL
    LEFT JOIN public.participants AS uploader
        ON uploader.space_id = file.space_id AND uploader.user_id = file.uploader_id
    WHERE
        (%(space)s::uuid IS NULL OR file.space_id = %(space)s)
        AND file.message_id IS NOT NULL
        AND uploader.user_id IS NULL
) AS found;

-- Rule: nothing_of_an_erased_user
-- Nothing of an erased user is left but their place: no text, earlier version, mark, membership, ban,
-- session or reaction.
SELECT found.what, found.space_id, found.user_id
FROM (
    SELECT 'messages' AS what, space_id, author_id AS user_id
    FROM public.messages
    WHERE
        (%(space)s::uuid IS NULL OR space_id = %(space)s)
        AND (content <> '' OR deleted_at IS NULL)
    UNION ALL
    SELECT 'reactions', space_id, user_id
    FROM public.reactions
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT 'mentions', space_id, user_id
    FROM public.mentions
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT 'message_attachments', space_id, uploader_id
    FROM public.message_attachments
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT 'read_states', space_id, user_id
    FROM public.read_states
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT 'member_roles', space_id, user_id
    FROM public.member_roles
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT 'channel_permissions', space_id, user_id
    FROM public.channel_permissions
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT 'bans', space_id, user_id
    FROM public.bans
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT 'message_revisions', revision.space_id, message.author_id
    FROM public.message_revisions AS revision
    INNER JOIN public.messages AS message
        ON message.space_id = revision.space_id AND message.id = revision.message_id
    WHERE %(space)s::uuid IS NULL OR revision.space_id = %(space)s
    UNION ALL
    SELECT 'invites', space_id, creator_id
    FROM public.invites
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    SELECT 'participants', space_id, user_id
    FROM public.participants
    WHERE (%(space)s::uuid IS NULL OR space_id = %(space)s) AND left_at IS NULL
    UNION ALL
    SELECT 'channels', space_id, owner_id
    FROM public.channels
    WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
    UNION ALL
    -- The owner of a deleted server has to be a member: a key asks for it.
    SELECT 'server_members', member.space_id, member.user_id
    FROM public.server_members AS member
    INNER JOIN public.servers AS server
        ON server.space_id = member.space_id
    WHERE
        (%(space)s::uuid IS NULL OR member.space_id = %(space)s)
        AND (server.deleted_at IS NULL OR server.owner_id <> member.user_id)
    UNION ALL
    SELECT 'user_sessions', NULL::uuid, user_id
    FROM public.user_sessions
    WHERE %(space)s::uuid IS NULL
    UNION ALL
    SELECT 'user_preferences', NULL::uuid, user_id
    FROM public.user_preferences
    WHERE %(space)s::uuid IS NULL
) AS found
INNER JOIN public.users AS account
    ON account.id = found.user_id
WHERE account.erased_at IS NOT NULL;

-- Rule: one_role_at_a_position
-- No two roles of a server have the same position.
SELECT space_id, position, count(*) AS roles
FROM public.roles
WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
GROUP BY space_id, position
HAVING count(*) > 1;

-- Rule: channel_limit
-- A server has no more channels than it may have.
SELECT space_id, count(*) AS channels
FROM public.channels
WHERE
    (%(space)s::uuid IS NULL OR space_id = %(space)s)
    AND server_id IS NOT NULL
    AND deleted_at IS NULL
    AND kind <> 'thread'
GROUP BY space_id
HAVING count(*) > %(channel_limit)s;

-- Rule: thread_limit
-- A server has no more threads than it may have that are not archived.
SELECT space_id, count(*) AS threads
FROM public.channels
WHERE
    (%(space)s::uuid IS NULL OR space_id = %(space)s)
    AND deleted_at IS NULL
    AND archived_at IS NULL
    AND kind = 'thread'
GROUP BY space_id
HAVING count(*) > %(thread_limit)s;

-- Rule: pin_limit
-- A channel has no more pins than it may have.
SELECT space_id, channel_id, count(*) AS pins
FROM public.messages
WHERE
    (%(space)s::uuid IS NULL OR space_id = %(space)s)
    AND pinned_at IS NOT NULL
    AND deleted_at IS NULL
GROUP BY space_id, channel_id
HAVING count(*) > %(pin_limit)s;

-- Rule: emoji_limit
-- A message has no more different emoji under it than it may have.
SELECT space_id, message_id, count(DISTINCT emoji) AS emoji
FROM public.reactions
WHERE %(space)s::uuid IS NULL OR space_id = %(space)s
GROUP BY space_id, message_id
HAVING count(DISTINCT emoji) > %(emoji_limit)s;

-- Rule: emoji_form
-- A reaction is an emoji in its full form, or a custom one.
SELECT space_id, message_id, id AS reaction_id
FROM public.reactions
WHERE
    (%(space)s::uuid IS NULL OR space_id = %(space)s)
    AND emoji !~ %(emoji_pattern)s;

-- Rule: group_limit
-- A group has no more people than it may have.
SELECT conversation.space_id, count(*) AS people
FROM public.channels AS conversation
INNER JOIN public.participants AS participant
    ON participant.space_id = conversation.space_id
WHERE
    (%(space)s::uuid IS NULL OR conversation.space_id = %(space)s)
    AND conversation.kind = 'group'
    AND participant.left_at IS NULL
GROUP BY conversation.space_id
HAVING count(*) > %(group_limit)s;
