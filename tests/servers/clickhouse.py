"""A real ClickHouse server from Debian's package, on free loopback ports and in its own directory."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from xml.sax.saxutils import escape

from tests.patience import HANGS_SECONDS
from tests.servers.ports import free_ports

_CONFIG = """<yandex>
<logger><level>warning</level><log>{directory}/server.log</log><errorlog>{directory}/server.err.log</errorlog></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>{port}</tcp_port><http_port>{http_port}</http_port>
<tcp_port_secure>{secure_port}</tcp_port_secure><https_port>{https_port}</https_port>
<openSSL><server><certificateFile>{directory}/server.crt</certificateFile>
<privateKeyFile>{directory}/server.key</privateKeyFile><verificationMode>none</verificationMode>
<loadDefaultCAFile>true</loadDefaultCAFile><cacheSessions>true</cacheSessions><disableProtocols>sslv2,sslv3</disableProtocols>
</server></openSSL>
<path>{directory}/data/</path><tmp_path>{directory}/tmp/</tmp_path>
<users_config>{directory}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<remote_servers>{clusters}<halves>
<shard><replica><host>127.0.0.1</host><port>{port}</port><default_database>half_1</default_database></replica></shard>
<shard><replica><host>127.0.0.1</host><port>{port}</port><default_database>half_2</default_database></replica></shard>
</halves><away>
<shard><replica><host>127.0.0.1</host><port>{port}</port><default_database>half_1</default_database></replica></shard>
<shard><replica><host>127.0.0.1</host><port>1</port></replica></shard>
</away></remote_servers>
<mark_cache_size>100000000</mark_cache_size><timezone>{timezone}</timezone>
{more}
</yandex>
"""

_USERS = """<yandex>
<profiles>
<default><max_memory_usage>4000000000</max_memory_usage>{habits}</default>
<readonly><readonly>1</readonly></readonly>
<limited><max_memory_usage>300000000</max_memory_usage></limited>
<partial><skip_unavailable_shards>1</skip_unavailable_shards></partial>
</profiles>
<users>
<default><password></password>{rest}</default>
<secret><password>{password}</password>{rest}</secret>
<reader><password></password><networks><ip>127.0.0.1</ip></networks><profile>readonly</profile>
<quota>default</quota></reader>
<limited><password></password><networks><ip>127.0.0.1</ip></networks><profile>limited</profile>
<quota>default</quota></limited>
<partial><password></password><networks><ip>127.0.0.1</ip></networks><profile>partial</profile>
<quota>default</quota></partial>
<анна><password> пароль%2B </password>{rest}</анна><борис><password>пароль%2B</password>{rest}</борис>
<guest><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota><allow_databases><database>doctor_events</database></allow_databases></guest>
</users>
<quotas><default></default></quotas>
</yandex>
"""


class ClickHouseServer:
    """Starts, kills and restarts a server; a context manager stops it.

    Its cluster ``halves`` has two shards, the databases ``half_1`` and ``half_2`` of this server. The second shard of
    the cluster ``away`` is a server that does not answer.
    Users: ``default`` (no password), ``secret`` (password `PASSWORD`), ``анна`` and ``борис`` (`LOCAL_PASSWORDS`),
    ``reader`` (may only read),
    ``limited`` (has 300 MB a statement), ``guest`` (may use the database ``doctor_events`` alone),
    ``partial`` (leaves out shards that are down).

    Parameters
    ----------
    directory : Path
        Directory of its configuration, data and logs.
    timezone : str
        The server's zone.
    habits : str
        Settings of all users' profiles, as XML.
    """

    PASSWORD = "s3cret <&' word"
    LOCAL_PASSWORDS = {"анна": " пароль%2B ", "борис": "пароль%2B"}
    wrapper: Sequence[str] = ()
    """A program that starts the server."""

    def __init__(self, directory: Path, timezone: str = "UTC", habits: str = "") -> None:
        self.directory = directory
        self.host = "127.0.0.1"
        self.port, self.http_port, self.secure_port, self.https_port = free_ports(4)
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "data").mkdir(parents=True)
        (directory / "tmp").mkdir()
        self.timezone = timezone
        self.configure()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=DNS:localhost", "-keyout", "server.key", "-out", "server.crt"],
            cwd=directory,
            check=True,
            capture_output=True,
        )
        rest = "<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>"
        (directory / "users.xml").write_text(
            _USERS.format(password=escape(self.PASSWORD), rest=rest, habits=habits), encoding="utf-8"
        )

    def configure(self, clusters: str = "", more: str = "") -> None:
        """Write its configuration, with more clusters and other elements as XML."""
        ports = {"port": self.port, "http_port": self.http_port}
        ports |= {"secure_port": self.secure_port, "https_port": self.https_port}
        text = _CONFIG.format(directory=self.directory, timezone=self.timezone, clusters=clusters, more=more, **ports)
        (self.directory / "config.xml").write_text(text)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        binary = shutil.which("clickhouse-server", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin")
        if binary is None:
            raise RuntimeError("these tests need a ClickHouse server: sudo apt-get install clickhouse-server")
        with (self.directory / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [*self.wrapper, binary, f"--config-file={self.directory / 'config.xml'}"],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + HANGS_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                logs = "".join(path.read_text(errors="replace") for path in self.directory.glob("*.log"))
                raise RuntimeError(f"clickhouse-server does not start:\n{logs[-3000:]}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started, and neither killed nor stopped."""
        return self._process is not None

    def kill(self) -> None:
        """Kill it without a shutdown (SIGKILL), like a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop it as a service manager does."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=HANGS_SECONDS)
            self.kill()

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing is answered, as on a swapping machine."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `pause`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def restart(self) -> None:
        """Kill it and start it again, on the same ports and data."""
        self.kill()
        self.start()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.http_port), timeout=HANGS_SECONDS) as connection:
                connection.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
                return b"Ok." in connection.makefile("rb").read()
        except OSError:
            return False

    def __enter__(self) -> "ClickHouseServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
