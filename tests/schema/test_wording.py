"""When two definitions say the same; no database."""

import pytest

from chat.schema.drift.wording import canonical, skeleton


@pytest.mark.parametrize(
    ("made", "restored"),
    [
        (
            "((k)::text = ANY ((ARRAY['a'::character varying, 'b'::text])::text[]))",
            "((k)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::text)::text]))",
        ),
        ("WHEN ((((a) OR (b)) OR (c)))", "WHEN (((a) OR (b) OR (c)))"),
        (
            "CHECK ((((a > 0) AND (b > 0)) AND (c > 0)))",
            "CHECK (((a > 0) AND (b > 0) AND (c > 0)))",
        ),
    ],
)
def test_same_before_and_after_restoring(made: str, restored: str) -> None:
    assert canonical(made) == canonical(restored)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(a OR (b AND c))", "((a OR b) AND c)"),
        ("((a OR b) AND c)", "(a OR b AND c)"),
        ("(NOT (a OR b) OR c)", "(NOT a OR b OR c)"),
        ("DEFAULT 'a  b'", "DEFAULT 'a b'"),
        ("DEFAULT 'it''s'", "DEFAULT 'its'"),
        ("DEFAULT '((a) OR (b)) OR (c)'", "DEFAULT '(a) OR (b) OR (c)'"),
        ("f((a, b))", "f(a, b)"),
        ("(a OR (SELECT b WHERE c OR d) OR e)", "(a OR (SELECT b WHERE c OR d OR e))"),
        ("$function$ a $function$", "$function$ a  $function$"),
        ('"A"', '"a"'),
        (r"DEFAULT '\' || ' a  b'", r"DEFAULT '\' || ' a b'"),
        (r"DEFAULT E'\' ((a) OR (b)) OR (c)'", r"DEFAULT E'\' (a) OR (b) OR (c)'"),
        ("$a1$ b  c $a1$", "$a1$ b c $a1$"),
        ("(ARRAY[a, b])::text[]", "(ARRAY[a, b])::bigint[]"),
        ("(ARRAY[a, b])::text[]", "ARRAY[a, b]"),
        ("x[1]", "x[2]"),
        ("a - b", "a -- b"),
    ],
)
def test_other_meaning_is_other(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CHECK ((a > 0))", "CHECK ((a > 0)) NOT VALID"),
        ("character varying(20)", "character varying(30)"),
        ("integer DEFAULT 1", "integer DEFAULT 2"),
        ("integer DEFAULT (1 + 1)", "integer"),
        ("ON t USING btree (a)", "ON t USING btree (b)"),
        ("ON t USING btree (a) WHERE (a > 0)", "ON t USING btree (a)"),
        ("WHEN ((a > b)) EXECUTE FUNCTION f()", "WHEN ((a > b)) EXECUTE FUNCTION g()"),
    ],
)
def test_skeleton_keeps_what_is_no_expression(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


def test_skeleton_leaves_expressions_out() -> None:
    assert skeleton("CHECK ((a > 0)) NOT VALID") == skeleton("CHECK ((b < 9)) NOT VALID")


@pytest.mark.parametrize("text", ["", "(", ")", "a)", "[(]", "'", '"', "$a$", "((a)", "é ≠ ñ"])
def test_what_is_no_definition_is_kept(text: str) -> None:
    assert "".join(canonical(text).split()) == "".join(text.split())
