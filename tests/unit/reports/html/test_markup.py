"""Whatever text goes into a page comes out as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.reports.html.markup import Html, element, joined
from tests.html_pages import parsed


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])))
def test_a_text_is_the_same_text_whatever_it_looks_like(text: str) -> None:
    page = parsed(element("p", text, title=text))
    (paragraph,) = page.children
    assert not isinstance(paragraph, str)
    assert "".join(one for one in paragraph.children if isinstance(one, str)) == text
    assert paragraph.attributes == {"title": text}
    assert len(paragraph.children) <= 1


def test_html_is_taken_as_it_is_and_nothing_else_is() -> None:
    assert joined(Html("<b>"), "<b>") == "<b>&lt;b&gt;"
    assert element("td", "a\x1b[31m\u202e", data_label='"') == '<td data-label="&quot;">a\\x1b[31m\\u202e</td>'
