"""A message never goes back to an older state, whatever the order in which two runs read the state and edit."""

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from reporting.delivery import Version, deliver, edit, is_older
from reporting.message import Message
from tests.reporting.test_delivery import MemoryLog, chats

Event = tuple[Literal["slot", "press", "read", "edit"], Literal[0, 1]]
EVENTS = st.lists(st.tuples(st.sampled_from(["slot", "press", "read", "edit"]), st.sampled_from([0, 1])), max_size=40)
KEY = "alert-1-views"


def message(version: Version) -> Message:
    return Message(KEY, "Views", ".".join(map(str, version)), version=version)


def shown(log: MemoryLog) -> list[Version]:
    """What the chat has shown, in order."""
    texts = [event[-1] for event in log.events if event[0] in ("shown", "edited")]
    return [tuple(map(int, text.split("."))) for text in texts]


@given(EVENTS)
def test_a_message_never_goes_back(events: list[Event]) -> None:
    log, newest = MemoryLog(), [1, 0]
    read: list[Version] = [(1, 0), (1, 0)]  # by each of two runs
    deliver(message((1, 0)), chats(log, names="first"), log)
    for what, run in events:
        if what == "edit":
            edit(message(read[run]), chats(log, names="first"), log)
        elif what == "read":
            read[run] = (newest[0], newest[1])
        else:
            newest[what == "press"] += 1
    states = shown(log)
    assert all(not is_older(after, before) for before, after in zip(states, states[1:], strict=False))
    # The newest state is never left out.
    edit(message((newest[0], newest[1])), chats(log, names="first"), log)
    assert shown(log)[-1] == (newest[0], newest[1])


def test_a_version_is_older_if_one_of_its_numbers_is_less() -> None:
    assert is_older((1, 5), (2, 0))
    assert is_older((2, 0), (1, 5))
    assert is_older((), (1,))
    assert not is_older((2, 5), (2, 5))
    assert not is_older((2, 5), (2,))
    assert not is_older((), ())


def test_a_message_without_a_version_is_edited_in_any_case() -> None:
    log = MemoryLog()
    deliver(message((2, 0)), chats(log, names="first"), log)
    edit(Message(KEY, "Views", "9.9"), chats(log, names="first"), log)
    edit(message((1, 0)), chats(log, names="first"), log)
    assert shown(log) == [(2, 0), (9, 9)]
