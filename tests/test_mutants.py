"""Mutants are the mistakes that checks must catch: here is each kind, by the names that an excuse would quote."""

import textwrap
from types import SimpleNamespace

import pytest

from workbook.authoring.mutants import mutants_of

EVERY_FUNCTION = {"return None", "identity"}


def names(body: str) -> set[str]:
    source = "def answer(rows):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    return {mutant.name for mutant in mutants_of(source)} - EVERY_FUNCTION


def changed(body: str, name: str) -> str:
    """The body of the mutant called `name`."""
    source = "def answer(rows):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    [mutant] = [mutant for mutant in mutants_of(source) if mutant.name == name]
    return textwrap.dedent(mutant.source.split("\n", 1)[1])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return rows", set()),
        ("return rows.where('paid')", {"without .where('paid')"}),
        ("return rows.filter(rows.paid)", {"without .filter(rows.paid)"}),
        ("return rows.dropDuplicates()", {"without .dropDuplicates()"}),
        ("return rows.withColumn('a', F.lit(None))", {"without .withColumn('a', F.lit(None))"}),
        ("return rows.join(other, key, 'left')", {"'left' → 'inner'"}),
        ("return rows.join(other, key, how='inner')", {"'inner' → 'left'"}),
        ("return F.col('at').desc()", {"F.col('at').desc() → F.col('at').asc()"}),
        ("return F.asc('at')", {"F.asc('at') → F.desc('at')"}),
        ("return F.sum('amount')", {"F.sum('amount') → F.max('amount')"}),
        ("return F.max('amount')", {"F.max('amount') → F.sum('amount')"}),
        ("return F.row_number()", {"F.row_number() → F.rank()"}),
        ("return F.rank()", {"F.rank() → F.row_number()"}),
        ("return rows.at < now", {"rows.at < now → rows.at <= now"}),
        ("return rows.at >= now", {"rows.at >= now → rows.at > now"}),
        ("return rows.at == now", {"rows.at == now → rows.at != now"}),
        ("return 3", {"3 → 4"}),
        ("return 0.5", {"0.5 → 1.5"}),
        ("return True", {"True → False"}),
        (
            "return rows.groupBy('shop', 'day')",
            {"rows.groupBy('shop', 'day') → rows.groupBy('shop')"},
        ),
        (
            "return Window.partitionBy(F.col('a'), F.col('b'))",
            {
                "Window.partitionBy(F.col('a'), F.col('b')) → Window.partitionBy(F.col('a'))",
            },
        ),
        ("return rows.join(other, ['a', 'b'])", {"['a', 'b'] → ['a']"}),
        ("rows.write.mode('append').save(path)", {"without .mode('append')", "'append' → 'overwrite'"}),
        ("rows.write.saveAsTable('t', mode='overwrite')", {"'overwrite' → 'append'"}),
        ("return a & ~b", {"a & ~b → a | ~b", "~b → b"}),
        ("return a and b", {"a and b → a or b"}),
    ],
)
def test_each_kind_of_change_is_made_once(body: str, expected: set[str]) -> None:
    assert names(body) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t ORDER BY a DESC", {"DESC → ASC"}),
        ("SELECT * FROM a LEFT JOIN b USING (k)", {"LEFT JOIN → JOIN"}),
        ("SELECT * FROM a INNER JOIN b USING (k)", {"INNER JOIN → LEFT JOIN"}),
        ("SELECT SUM(x) FROM t", {"SUM( → MAX("}),
        ("SELECT ROW_NUMBER() OVER w FROM t", {"ROW_NUMBER( → RANK("}),
        ("SELECT DENSE_RANK() OVER w FROM t", set()),
        ("SELECT a FROM t WHERE a > 3", {"WHERE a > 3 → nothing", "> → >="}),
        ("SELECT a, b FROM t GROUP BY a, b", {"a, b → a"}),
        ("SELECT * FROM s JOIN t ON s.a = t.a AND s.b = t.b", {"AND s.b = t.b → nothing"}),
        ("INSERT INTO t SELECT * FROM s", {"INSERT INTO → INSERT OVERWRITE"}),
        ("INSERT OVERWRITE t SELECT * FROM s", {"INSERT OVERWRITE → INSERT INTO"}),
    ],
)
def test_sql_is_changed_as_python_is(sql: str, expected: set[str]) -> None:
    assert names(f"return spark.sql({sql!r})") == expected


MERGE = '''
spark.sql(f"""
    MERGE INTO delta.`{path}` AS t USING changes AS s ON t.id = s.id
    WHEN MATCHED AND s.gone THEN DELETE
    WHEN MATCHED THEN UPDATE SET *
    WHEN NOT MATCHED THEN INSERT *
    WHEN NOT MATCHED BY SOURCE THEN DELETE
""")
'''


def test_every_clause_of_a_merge_is_dropped_and_swapped() -> None:
    assert names(MERGE) == {
        "WHEN MATCHED AND s.gone THEN DELETE → nothing",
        "WHEN MATCHED THEN UPDATE SET * → nothing",
        "WHEN NOT MATCHED THEN INSERT * → nothing",
        "WHEN NOT MATCHED BY SOURCE THEN DELETE → nothing",
        "THEN DELETE → THEN UPDATE SET *",
        "THEN DELETE → THEN UPDATE SET * #2",
        "THEN UPDATE SET * → THEN DELETE",
    }


def words_sent(body: str) -> list[str]:
    sent: list[str] = []
    exec(body, {"spark": SimpleNamespace(sql=sent.append), "path": "/orders"})
    return sent[0].split()


def test_a_mutant_differs_from_the_solution_in_the_one_place_that_it_names() -> None:
    without = changed(MERGE, "WHEN NOT MATCHED THEN INSERT * → nothing")
    assert words_sent(without) == words_sent(MERGE.replace("WHEN NOT MATCHED THEN INSERT *", ""))


def test_the_same_change_in_two_places_gives_two_names() -> None:
    assert names("return rows.limit(n).limit(n)") == {"without .limit(n)", "without .limit(n) #2"}


def test_what_is_no_answer_is_among_the_mutants_of_every_function() -> None:
    assert [mutant.name for mutant in mutants_of("def answer(rows):\n    return rows.paid")] == [
        "return None",
        "identity",
    ]
    assert [mutant.name for mutant in mutants_of("def answer():\n    return spark")] == ["return None"]


def test_docstring_and_annotations_are_left_alone() -> None:
    source = 'def answer(rows: "left") -> "3":\n    """Rows WHERE a > 3."""\n    return rows'
    assert {mutant.name for mutant in mutants_of(source)} == EVERY_FUNCTION
