"""What every page of results must be: whole, and alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "br"}


class Shape(HTMLParser):
    """Every element closed where it should be; ids and addresses on the way."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        self.addresses += [given[name] for name in ("src", "href", "srcset") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def shape_of(text: str) -> Shape:
    """A page that stands alone: whole, every id once, nothing fetched."""
    found = Shape()
    found.feed(text)
    found.close()
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert [one for one in found.addresses if not one.startswith(("#", "data:"))] == []
    assert "default-src 'none'" in text
    assert re.findall(r"@import|url\(", text) == []
    return found
