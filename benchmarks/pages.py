"""Tables that programs keep in pages that people write."""

from pathlib import Path

from hourglass_jax.files import write_whole

END = "<!-- end -->"


def put_table(page: Path, table: str, name: str) -> None:
    """Replace what a page has between the mark of this name and the next end."""
    before, rest = page.read_text().split(f"<!-- {name} -->")
    after = rest.split(END, 1)[1]
    write_whole(page, f"{before}<!-- {name} -->\n{table}{END}{after}".encode())
