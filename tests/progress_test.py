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
