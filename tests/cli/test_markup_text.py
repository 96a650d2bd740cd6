"""HTML and XML cut into tags, comments and text: nothing is lost, and nothing takes long."""

from hypothesis import given
from hypothesis import strategies as st

from netkit.cli.output.markup_text import pieces


def test_tags_comments_and_text() -> None:
    assert list(pieces("<!doctype html><p a='1'>1 < 2 <b>x</b><!-- <i> --> &amp; <br/>")) == [
        ("tag", "<!doctype html>"),
        ("tag", "<p a='1'>"),
        ("text", "1 "),
        ("text", "<"),
        ("text", " 2 "),
        ("tag", "<b>"),
        ("text", "x"),
        ("tag", "</b>"),
        ("comment", "<!-- <i> -->"),
        ("text", " &amp; "),
        ("tag", "<br/>"),
    ]
    assert list(pieces("<a <!-- never closed")) == [("text", "<a <!-- never closed")]
    assert list(pieces("text<")) == [("text", "text<")]
    assert list(pieces("")) == []


@given(st.text(alphabet="<>!-/?a \n", max_size=60))
def test_nothing_is_lost(text: str) -> None:
    assert "".join(piece for _, piece in pieces(text)) == text


def test_what_never_ends_is_looked_for_once() -> None:
    text = "<!--" * 1_000_000 + "<a" * 1_000_000
    assert list(pieces(text)) == [("text", text)]
