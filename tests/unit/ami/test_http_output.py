"""What browsers get of the manager's output."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from ami.http_output import blocks_of, page, xml

OUTPUT = (
    'Response: Success\r\nActionID: <1>\r\nMessage: it\'s "so" & done\r\n\r\n'
    "Event: X\r\n1st name: a\r\nLine: b\r\nLine: c\r\n\r\nfree text: no\r\nplain\r\nmore: text\r\n\r\n"
)


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - what we made ourselves


def test_blocks() -> None:
    first, second, third = blocks_of(OUTPUT)
    assert first == [("Response", "Success"), ("ActionID", "<1>"), ("Message", 'it\'s "so" & done')]
    assert second == [("Event", "X"), ("1st name", "a"), ("Line", "b"), ("Line-2", "c")]
    assert third == [("free text", "no"), ("Opaque-data", "plain\nmore: text")]
    assert list(blocks_of("")) == []


def test_xml_is_well_formed_and_holds_everything() -> None:
    made = parsed(xml(OUTPUT, "box'1", "reply"))
    assert [each.attrib for each in made] == [{"type": "object", "id": "box'1"}] * 3
    first, second, third = [each[0] for each in made]
    assert (first.tag, first.attrib["message"], first.attrib["actionid"]) == ("reply", 'it\'s "so" & done', "<1>")
    assert (second.attrib["_1st_name"], second.attrib["line"], second.attrib["line-2"]) == ("a", "b", "c")
    assert third.attrib["opaque_data"].split() == ["plain", "more:", "text"]
    assert xml("").split() == ["<ajax-response>", "</ajax-response>"]


def test_names_and_values_cannot_leave_their_place() -> None:
    hostile = "<script>'\"&: '/><script>\r\n\r\n"
    made = parsed(xml(hostile, "'><x", "a b><c"))
    assert made[0].attrib["id"] == "'><x"
    assert made[0][0].tag == "a_b__c"
    assert "<script" not in page(hostile)
