from hourglass_jax.progress import Bar


def test_without_a_terminal_the_end_is_told_in_a_plain_line(capsys):
    with Bar("read", 10, unit="files", start=4) as bar:
        for _ in range(6):
            bar.advance(text="[bold]as it is[/bold]")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("read 10/10  ")
    assert "files/s  0.0 min left  [bold]as it is[/bold]" in lines[0]


def test_nothing_done_is_nothing_told(capsys):
    with Bar("read", 10, unit="files"):
        pass
    assert capsys.readouterr().err == ""


def test_of_what_has_no_known_end_no_end_is_told(capsys):
    with Bar("read", 0, unit="frames") as bar:
        bar.advance(3)
    said = capsys.readouterr().err
    assert said.startswith("read 3  ")
    assert "left" not in said


def test_more_than_was_expected_leaves_no_time_below_nothing(capsys):
    with Bar("read", 2, unit="frames") as bar:
        bar.advance(3)
    assert "read 3/3" in (said := capsys.readouterr().err)
    assert "  0.0 min left" in said
