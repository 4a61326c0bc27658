"""A connection by HTTP that is cut at any byte: neither a short result nor half a statement."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from pipeline.core.errors import TransientError, WarehouseError
from pipeline.core.process import reset
from pipeline.warehouse.engines import HttpEngine, base
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.http_proxy import Cut, CuttingProxy

BLOCKS = "SELECT number AS n, toString(number) AS s FROM (SELECT number FROM system.numbers LIMIT 4) "
BLOCKS += "SETTINGS max_block_size = 1"


def read(engine: HttpEngine) -> object:
    return engine.query(BLOCKS)


def stream(engine: HttpEngine) -> object:
    return [row for block in engine.stream(BLOCKS) for row in zip(*block.values(), strict=True)]


def dump(engine: HttpEngine) -> object:
    return b"".join(engine.dump(BLOCKS))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is repeated."""
    monkeypatch.setattr(base, "RETRY_PAUSES_SECONDS", ())
    yield
    reset()


@pytest.fixture(params=["http", "facade"])
def proxy(request: pytest.FixtureRequest) -> Iterator[CuttingProxy]:
    """In front of a real server, and of one that answers like a new one."""
    with CuttingProxy(request.getfixturevalue(f"{request.param}_warehouse").address[1]) as proxy:
        yield proxy


@pytest.mark.parametrize("ask", [read, stream])
def test_an_answer_that_is_cut_at_any_byte_is_an_error(
    proxy: CuttingProxy, ask: Callable[[HttpEngine], object]
) -> None:
    engine = HttpEngine(proxy.url)
    assert ask(engine) == [(n, str(n)) for n in range(4)]
    length = len(proxy.passed[-1].answer)
    assert length > 100
    for count in range(length):
        proxy.next_cut = partial(Cut, answer=count)
        reset()  # a connection of its own
        with pytest.raises(TransientError):
            ask(engine)
    proxy.next_cut = lambda: Cut(answer=length)
    reset()
    assert ask(engine) == [(n, str(n)) for n in range(4)]


def test_a_dump_or_a_write_whose_answer_is_cut_is_an_error(proxy: CuttingProxy) -> None:
    engine = HttpEngine(proxy.url)
    for ask in (dump, lambda engine: engine.execute("DROP TABLE IF EXISTS default.absent")):
        reset()
        ask(engine)
        for count in range(0, len(proxy.passed[-1].answer), 9):
            proxy.next_cut = partial(Cut, answer=count)
            reset()
            with pytest.raises(TransientError):
                ask(engine)
        proxy.next_cut = Cut


WRITES: dict[str, Callable[[HttpEngine], None]] = {
    "insert": lambda engine: engine.insert("default.cut", {"n": list(range(5)), "s": list("abcde")}),
    "statement": lambda engine: engine.execute(
        "INSERT INTO default.cut (n, s) SELECT number, 'x' FROM (SELECT number FROM system.numbers LIMIT 99) "
        "WHERE number < 20"
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_half_a_request_changes_nothing(
    clickhouse_server: ClickHouseServer, http_warehouse: HttpEngine, write: str
) -> None:
    http_warehouse.execute("CREATE TABLE default.cut (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    try:
        with CuttingProxy(clickhouse_server.http_port) as proxy:
            engine = HttpEngine(proxy.url)
            WRITES[write](engine)
            before = len(proxy.passed) - 1  # an insert asks for the types of columns first
            [[whole]] = http_warehouse.query("SELECT count() FROM default.cut")
            assert whole in (5, 20)
            for count in range(len(proxy.passed[-1].request)):
                proxy.next_cut = iter([Cut()] * before + [Cut(request=count)]).__next__
                reset()
                with pytest.raises(WarehouseError):
                    WRITES[write](engine)
        assert http_warehouse.query("SELECT count() FROM default.cut") == [(whole,)]
    finally:
        http_warehouse.execute("DROP TABLE default.cut")
