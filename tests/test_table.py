"""The table that `minigan check` and `minigan doctor` print."""

from __future__ import annotations

from minigan.table import Column, line, print_table

COLUMNS = [Column("function", 10, left=True), Column("largest error"), Column("result", left=True)]


def test_cells_stand_under_their_headings():
    assert line(COLUMNS, ["exp", "1.0e-15", "ok"]) == "exp               1.0e-15  ok"
    assert line(COLUMNS, ["exp", "", ""]) == "exp"
    assert line(COLUMNS, ["a name too long", "1", "ok"]) == "a name too long              1  ok"


def test_a_row_is_printed_before_the_next_is_computed(capsys):
    printed = []

    def items():
        for n in range(3):
            printed.append(capsys.readouterr().out)
            yield n

    assert print_table(COLUMNS, items(), lambda n: [str(n), "", "ok"], 3, "checking", indent="  ") == [0, 1, 2]
    printed.append(capsys.readouterr().out)
    row = f"  {{}}{' ' * 26}ok\n"
    assert printed == ["  function    largest error  result\n", row.format(0), row.format(1), row.format(2)]
