from riskloom.cli.tables import print_section, print_table


def test_a_pipe_gets_one_line_for_each_row_with_numbers_to_the_right(capsys):
    print_table(["name", "count"], [["a" * 300, 1], ["b", 22]])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["a" * 300, "1"]
    assert lines[1].rstrip().endswith(" 1")
    assert len(lines[1].rstrip()) == len(lines[2].rstrip())


def test_text_is_printed_as_it_is(capsys):
    print_table(["name"], [["readings['speed'] [bold]x[/bold] :smile:"]])
    assert "readings['speed'] [bold]x[/bold] :smile:" in capsys.readouterr().out


def test_a_section_is_indented_below_its_title_and_left_out_when_empty(capsys):
    print_section("Title", [("a", "b")])
    print_section("Other", [])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == ["", "Title", "  a  b"]
