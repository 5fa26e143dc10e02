-- The words of a text of common letters without spaces, and of ASCII with emoji, in half the time; and a
-- minus that excludes before a tag, a name and an emoji.
--
-- The words are the same to the byte, so what is stored stays as it is: 300,000 texts at random in every
-- script had the same words as with the functions of 0016, and a test compares the two ways.

-- What is stored of a text that search_vector() sends here: its words with their places, runs of
-- letters without spaces as overlapping pairs. One loop, since an array of the words and a second loop
-- take twice as long, and few expressions, since each costs 1 to 2 µs in a transaction of its own.
CREATE FUNCTION public.search_vector_of_pairs(content text) RETURNS tsvector
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
SET search_path = ''
AS $function$
DECLARE
    word text COLLATE "C";
    letters text[];
    place integer := 0;
    vector text := '''';
BEGIN
    FOREACH word IN ARRAY array_remove(
        string_to_array(
            regexp_replace(
                regexp_replace(
                    -- The one letter of these that has another normal form.
                    replace(lower(content COLLATE "C"), U&'\0E33', U&'\0E4D\0E32'),
                    '[\u0001-\u001f!-/:-@\[-`{-\u007f·\u200d\u2010-\u2027\u3000-\u3003\u3008-\u301f'
                    '\u30fb\ufe0f\uff01-\uff5e]+',
                    ' ',
                    'g'
                ),
                -- A run of letters, or one symbol.
                '([\u0e01-\u0e4e\u3005-\ud7a3]+|[\u2600-\u27bf\U0001f1e6-\U0001faff])',
                ' \1 ',
                'g'
            ),
            ' '
        ),
        ''
    ) LOOP
        IF word < U&'\0080' THEN
            place := place + 1;
            vector := vector || (word || ''':' || place || ' ''');
            CONTINUE;
        END IF;
        letters := array_append(string_to_array(word, NULL), '');
        FOR at IN 1..cardinality(letters) - 1 LOOP
            vector := vector
                || (letters[at] || letters[at + 1] || ''':' || place + at || ' ''');
        END LOOP;
        place := place + cardinality(letters) - 1;
    END LOOP;
    RETURN left(vector, -2)::tsvector;
END
$function$;

-- What is stored of a message, as in 0016, and a third way. It takes ASCII and these: Thai, Kana, Han
-- and Hangul in the form that they are stored in, with their common punctuation, and emoji with a
-- selector or a joiner right behind. Not Thai marks that would change places, nor a minus that begins
-- a word; and no more than 500 characters, where the other ways cut a word.
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
        WHEN
            length(content) <= 500
            AND content !~ (
                '[^\u0001-\u007f·\u0e01-\u0e39\u0e40-\u0e4e\u200d\u2010-\u2016\u2018-\u2027'
                '\u2600-\u27bf\u3000-\u3003\u3005-\u3011\u3014-\u301f\u3041-\u3096\u30a1-\u30fc'
                '\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\ufe0f\uff01\uff08-\uff09\uff0c'
                '\uff1a-\uff1b\uff1f\uff5e\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]'
                '|[\u0e48-\u0e4b][\u0e38-\u0e39]'
                '|(^|[^\u2600-\u27bf\ufe0f\U0001f1e6-\U0001faff])[\u200d\ufe0f]'
                '|(^|[\u0009-\u000d \u3000])-[A-Za-z0-9]'
            ) COLLATE "C"
            THEN public.search_vector_of_pairs(content)
        ELSE coalesce(public.search_vector_of_folded(public.search_fold(content)), '')
    END;

-- What people type into a search box, as in 0016. A minus excludes before a tag, a name and an emoji as
-- well (-#tag, -@name, -:smile:), and -upg* all words with that beginning.
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
        IF
            words[size] ~ (of_pairs || '$')
            OR (finds_beginnings AND term.word LIKE '%*' AND length(ltrim(words[size], '-')) >= 3)
        THEN
            phrase := phrase || ':*';
        END IF;
        is_excluded := coalesce(term.quoted, term.word) ~ '^-' AND (
            term.quoted IS NOT NULL OR phrase LIKE '''-%' OR substr(term.word, 2) ~ of_pairs
            OR term.word ~ '^-(<?[#:@]|[\u2600-\u27bf\U0001f000-\U0001fbca])'
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
        ELSE
            wanted := wanted || phrase;
        END IF;
        is_beginning := finds_beginnings AND NOT is_excluded AND wanted[cardinality(wanted)] = phrase
            AND phrase NOT LIKE '%:*' AND term.quoted IS NULL AND length(words[size]) >= 4;
    END LOOP;
    RETURN nullif(array_to_string(choices, ' | '), '')::tsquery;
END
$function$;
