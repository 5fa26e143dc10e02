-- Every place that one user can see in the spaces from one to another: channels of their servers and
-- their conversations, with what they may do there. Other statements include it. Kind, name and
-- position are those of a server's channels: they are not looked up for a conversation.
SELECT member.space_id, place.*, member.role_ids
FROM (
    -- include: members.sql
) AS member
CROSS JOIN LATERAL (
    -- include: server_places.sql
    UNION ALL
    -- include: conversation_places.sql
) AS place;
