-- The functions as 0016 made them.

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

CREATE OR REPLACE FUNCTION public.search_query(query text, finds_beginnings boolean DEFAULT true)
RETURNS tsquery
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
SET search_path = ''
AS $function$
DECLARE
    of_pairs CONSTANT text := '^[' || public.search_characters('pair') || ']';
    term record;
    words text[];
    size integer;
    phrase text;
    is_excluded boolean;
    -- Whether the last term may be the beginning of a word.
    is_beginning boolean := false;
    -- Of the choice that is read: what is looked for, what is excluded, and the same as text.
    wanted text[] := '{}';
    excluded text[] := '{}';
    spared text[] := '{}';
    choices text[] := '{}';
BEGIN
    FOR term IN
        SELECT part[1] || coalesce(part[2], '') AS quoted, part[3] AS word, false AS is_end
        FROM regexp_matches(
            translate(public.search_fold(query), '“”„‟', '""""') COLLATE "C",
            '(-?")([^"]*)(?:"|$)|((?!-?")[^\u0009-\u000d ]+)',
            'g'
        ) AS part
        UNION ALL
        SELECT NULL, 'or', true
    LOOP
        IF term.word = 'or' AND cardinality(wanted || excluded) > 0 THEN
            IF term.is_end AND is_beginning THEN
                wanted[cardinality(wanted)] := wanted[cardinality(wanted)] || ':*';
            END IF;
            choices := choices || array_to_string(
                CASE WHEN wanted = '{}' THEN spared ELSE wanted || excluded END, ' & '
            );
            wanted := '{}';
            excluded := '{}';
            spared := '{}';
            CONTINUE;
        END IF;
        -- A last "or" has nothing behind it, and is a word.
        IF term.is_end THEN
            IF choices <> '{}' THEN
                choices[cardinality(choices)] := choices[cardinality(choices)] || ' & ''or''';
            END IF;
            EXIT;
        END IF;

        words := public.search_words(coalesce(term.quoted, term.word));
        CONTINUE WHEN words = '{}';
        size := cardinality(words);
        -- The last letter of a run of pairs is in the pair before it, and need not end the run.
        IF words[size - 1] ~ (of_pairs || '.') AND right(words[size - 1], 1) = words[size] THEN
            size := size - 1;
        END IF;
        phrase := '''' || array_to_string(words[:size], ''' <-> ''') || '''';
        IF words[size] ~ (of_pairs || '$') THEN
            phrase := phrase || ':*';
        END IF;
        is_excluded := coalesce(term.quoted, term.word) ~ '^-' AND (
            term.quoted IS NOT NULL OR phrase LIKE '''-%' OR substr(term.word, 2) ~ of_pairs
        );
        -- What is written with its minus is there with and without it.
        IF is_excluded AND phrase LIKE '''-%' THEN
            spared := spared || overlay(phrase PLACING '' FROM 2 FOR 1);
            excluded := excluded || format('(!(%s) | %s)', spared[cardinality(spared)], phrase);
        ELSIF is_excluded THEN
            spared := spared || phrase;
            excluded := excluded || format('!(%s)', phrase);
        ELSIF term.word ~ '^[0-9]+(\.[0-9]+)+$' THEN
            wanted := wanted || format('(%s | %s)', phrase, overlay(phrase PLACING '''v' FROM 1 FOR 1));
        ELSIF finds_beginnings AND term.word LIKE '%*' AND length(words[size]) >= 3 THEN
            wanted := wanted || (phrase || ':*');
        ELSE
            wanted := wanted || phrase;
        END IF;
        is_beginning := finds_beginnings AND NOT is_excluded AND wanted[cardinality(wanted)] = phrase
            AND term.quoted IS NULL AND length(words[size]) >= 4;
    END LOOP;
    RETURN nullif(array_to_string(choices, ' | '), '')::tsquery;
END
$function$;
