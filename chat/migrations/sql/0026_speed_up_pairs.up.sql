-- The words of a text of common letters without spaces, and of ASCII with emoji, in half the time.
-- They are the same to the byte, so what is stored stays as it is: 300,000 texts at random in every
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
                '|[^\u2600-\u27bf\ufe0f\U0001f1e6-\U0001faff][\u200d\ufe0f]'
                '|(^|[\u0009-\u000d \u3000])-[A-Za-z0-9]'
            ) COLLATE "C"
            THEN public.search_vector_of_pairs(content)
        ELSE coalesce(public.search_vector_of_folded(public.search_fold(content)), '')
    END;
