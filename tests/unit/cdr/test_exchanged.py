"""Records follow the name and ids of a channel to where these go, as with a transfer."""

from __future__ import annotations

from typing import Any


def test_what_there_is_about_an_id_goes_on_with_it(records: Any) -> None:
    books = records()
    first, second = books.harness.call("answer"), books.harness.call("answer")
    clock, channels = books.harness.core.clock, books.harness.server.channels
    one, other = first.channel, second.channel
    ids = [each.uniqueid for each in (one, other)]
    clock.advance(2)
    channels.exchange_identities(one, other)
    assert [each.uniqueid for each in (other, one)] == ids
    assert [channels.find_id(each) for each in ids] == [other, one]
    assert [channels.find(each.name) for each in (one, other)] == [one, other]
    clock.advance(1)
    first.far.hang_up()
    clock.advance(2)
    second.far.hang_up()
    assert [(row.uniqueid, row.channel, row.duration) for row in books.finished] == [
        (ids[1], one.name, 3),
        (ids[0], other.name, 5),
    ]
    assert len(channels) == 0


def test_a_dial_goes_on_with_who_came_instead(records: Any) -> None:
    books = records()
    caller, guest = books.harness.call("dial"), books.harness.call("silent")
    channels = books.harness.server.channels
    dialled = next(each for each in channels if each.outgoing)
    name = dialled.name
    channels.exchange_identities(dialled, guest.channel)
    assert books.engine.ledger.about(guest.channel.uniqueid)[0].party_b.channel is guest.channel
    assert guest.channel.name == name
    caller.far.hang_up()
    guest.far.hang_up()
    assert len(channels) == 0
