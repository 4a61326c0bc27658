"""A cluster of ClickHouse servers with a ZooKeeper, on free loopback ports and in its own directory."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from pipeline.warehouse.engines import ServerEngine
from tests.patience import HANGS_SECONDS
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.ports import free_ports

NAME = "pair"
"""The name of the cluster."""

_JAVA = Path("/usr/share/java")
_NETTY = ("handler", "buffer", "common", "transport", "resolver", "codec")
_JARS = (
    *("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "metrics-core", "commons-cli", "commons-io"),
    *("snappy-java", "netty-transport-native-epoll", "netty-transport-native-unix-common"),
    *(f"netty-{part}" for part in _NETTY),
)
_ZOO_CFG = """tickTime=1000
dataDir={directory}/data
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=srvr
maxClientCnxns=0
forceSync=no
"""
_MORE = """<interserver_http_host>127.0.0.1</interserver_http_host>
<interserver_http_port>{interserver_port}</interserver_http_port>
<zookeeper><node><host>127.0.0.1</host><port>{zookeeper_port}</port></node>
<session_timeout_ms>6000</session_timeout_ms></zookeeper>
<macros><shard>{number}</shard><replica>one</replica></macros>
<distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>
<display_name>node-{number}</display_name>
"""
_SHARD = "<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>"
# The system ends the program with the test run, also if that is killed.
_WITH_US = ("setpriv", "--pdeathsig", "KILL")


class ZooKeeper:
    """A ZooKeeper server of Debian's libzookeeper-java."""

    def __init__(self, directory: Path) -> None:
        (directory / "data").mkdir(parents=True)
        (self.port,) = free_ports(1)
        self._directory = directory
        (directory / "zoo.cfg").write_text(_ZOO_CFG.format(directory=directory, port=self.port))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it serves requests: ClickHouse 18.16 may crash if it does not."""
        missing = [jar for jar in _JARS if not (_JAVA / f"{jar}.jar").exists()]
        if missing:
            raise RuntimeError(f"these tests need a ZooKeeper: make servers (missing in {_JAVA}: {', '.join(missing)})")
        classes = ":".join(str(_JAVA / f"{jar}.jar") for jar in _JARS)
        java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classes]
        with (self._directory / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [*_WITH_US, *java, "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + HANGS_SECONDS
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"ZooKeeper does not start:\n{(self._directory / 'output.log').read_text()[-3000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _serves(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"srvr")
            return b"Mode: standalone" in connection.makefile("rb").read()
        return False


class Node(ClickHouseServer):
    """A server of the cluster."""

    wrapper = _WITH_US

    @property
    def engine(self) -> ServerEngine:
        """The server as an engine."""
        return ServerEngine(host=self.host, port=self.port)


class Cluster:
    """Two servers, each a shard of its own, and their ZooKeeper; a context manager ends all of them.

    Parameters
    ----------
    directory : Path
        Directory of configuration, data and logs.
    """

    def __init__(self, directory: Path) -> None:
        self.keeper = ZooKeeper(directory / "keeper")
        self.nodes = [Node(directory / f"node{number}") for number in (1, 2)]
        shards = "".join(_SHARD.format(port=node.port) for node in self.nodes)
        for number, (node, port) in enumerate(zip(self.nodes, free_ports(2), strict=True), 1):
            more = _MORE.format(interserver_port=port, zookeeper_port=self.keeper.port, number=number)
            node.configure(f"<{NAME}>{shards}</{NAME}>", more)

    @contextlib.contextmanager
    def without(self, node: Node) -> Iterator[None]:
        """Kill a node, and start it again at the end."""
        node.kill()
        try:
            yield
        finally:
            node.start()

    def __enter__(self) -> "Cluster":
        try:
            self.keeper.start()
            for node in self.nodes:
                node.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Kill every process of it."""
        for node in self.nodes:
            node.kill()
        self.keeper.kill()
