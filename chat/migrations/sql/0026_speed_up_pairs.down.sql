-- The function as 0016 made it.

CREATE OR REPLACE FUNCTION public.search_vector(content text) RETURNS tsvector
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN
    CASE
        WHEN
            octet_length(content) <= 2046
            AND content !~ (
                '[^\u0001-\u007f¡«·»¿\u2010-\u2027\u3001-\u3003]'
                '|[0-9][eE][0-9]|(^|[\u0009-\u000d ])-[A-Za-z0-9]'
            ) COLLATE "C"
            THEN
                to_tsvector(
                    'pg_catalog.simple',
                    regexp_replace(
                        lower(content COLLATE "C"), '[^a-z0-9 ]+' COLLATE "C", ' ', 'g'
                    )
                )
        ELSE coalesce(public.search_vector_of_folded(public.search_fold(content)), '')
    END;

DROP FUNCTION public.search_vector_of_pairs(text);
