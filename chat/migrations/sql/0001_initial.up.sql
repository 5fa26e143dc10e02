-- Functions that the tables need before they can be made: ids of version 7, and the id of a pair.

-- PostgreSQL 18 has uuidv7() itself; before, this one has its name, its argument and its shape
-- (RFC 9562: 48 bits of milliseconds, 12 bits of the fraction of a millisecond, 62 random bits).
DO $migration$
BEGIN
    IF current_setting('server_version_num')::integer < 180000 THEN
        CREATE FUNCTION public.uuidv7(shift interval DEFAULT NULL) RETURNS uuid
        LANGUAGE sql
        VOLATILE
        PARALLEL SAFE
        AS $function$
            SELECT encode(
                substring(int8send(floor(moment.us / 1000)::bigint) FROM 3)
                || set_byte(
                    set_byte(
                        set_byte(
                            substring(uuid_send(gen_random_uuid()) FROM 7),
                            0, 112 | (moment.fraction >> 8)
                        ),
                        1, moment.fraction & 255
                    ),
                    2, 128 | (get_byte(uuid_send(gen_random_uuid()), 0) & 63)
                ),
                'hex'
            )::uuid
            FROM (
                SELECT
                    clock.us,
                    ((clock.us % 1000) * 4096 / 1000)::integer AS fraction
                FROM (
                    SELECT (
                        extract(epoch FROM clock_timestamp() + coalesce(shift, interval '0'))
                        * 1000000
                    )::bigint AS us
                ) AS clock
            ) AS moment;
        $function$;
    END IF;
END
$migration$;

-- The id of the conversation of two users, whichever comes first: the first 16 bytes of SHA-256
-- over the lower and the higher id, marked as a UUID of version 8 (RFC 9562).
CREATE FUNCTION public.direct_pair_id(one uuid, other uuid) RETURNS uuid
LANGUAGE sql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $function$
    SELECT encode(
        set_byte(
            set_byte(digest.bytes, 6, 128 | (get_byte(digest.bytes, 6) & 15)),
            8, 128 | (get_byte(digest.bytes, 8) & 63)
        ),
        'hex'
    )::uuid
    FROM (
        SELECT substring(
            sha256(uuid_send(least(one, other)) || uuid_send(greatest(one, other))) FROM 1 FOR 16
        ) AS bytes
    ) AS digest;
$function$;
