"""The process that owns an embedded data directory: it serves chDB on a Unix socket.

A separate program that imports only the standard library and chdb; `embedded.py` starts it and talks to it::

    python -P owner.py DIRECTORY SOCKET IDLE_SECONDS

chDB allows one process per data directory, and a process that imported chDB can no longer fork safely. So one process
per directory runs the engine for all others. An exclusive lock on ``owner.lock``, held until exit, prevents a second
one. The owner exits IDLE_SECONDS after the last statement.

One connection carries one statement. Frames are those of `multiprocessing.connection`, plain bytes, never pickled:

1. owner: a greeting, JSON ``{"protocol": ..., "pid": ...}`` (or ``{"error": ...}`` if the engine does not start). The
   client waits for it before it sends, so an owner that is about to exit never runs a part of a statement.
2. client: a request, JSON ``{"sql": ..., "kind": "all" | "stream" | "insert", "format": ..., "turn": ...,
   "settings": ...}``; after an insert, frames of data and an empty frame. Statements with the same `turn` run one after
   another. `settings` is a list for SET.
3. owner: frames of the result, an empty frame, and the outcome, JSON ``{}`` or ``{"error": ...}``.
"""

import contextlib
import fcntl
import itertools
import json
import os
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from typing import Any

PROTOCOL = 1

# Make chDB behave like a plain server: SELECT is not implied, NULL does not silently become a default, subqueries in a
# JOIN need no alias, the machine's zone has no effect, and text formats print only the values.
SETTINGS = (
    "implicit_select = 0, insert_null_as_default = 0, input_format_null_as_default = 0, join_use_nulls = 0, "
    "joined_subquery_requires_alias = 0, session_timezone = 'UTC', "
    "output_format_pretty_single_large_number_tip_threshold = 0, "
    "output_format_csv_serialize_tuple_into_separate_columns = 0"
)

# Statements that leave no setting, current database or temporary table behind in their session.
_LEAVES_NOTHING = re.compile(
    r"(\s|--[^\n]*\n)*(SELECT|INSERT|DESCRIBE|ALTER|DROP|CREATE\s+(TABLE|DATABASE))\b", re.IGNORECASE
)

_MOST_CONNECTIONS = 1000
_TICK_SECONDS = 0.5
_LOG_LIMIT_BYTES = 1_000_000


class Owner:
    """Serves statements until none arrives for some time.

    Parameters
    ----------
    directory : str
        The data directory.
    listener : socket.socket
        Bound and listening.
    idle_seconds : float
        How long to wait for another statement.
    """

    def __init__(self, directory: str, listener: socket.socket, idle_seconds: float) -> None:
        self.directory = directory
        self.listener = listener
        self.idle_seconds = idle_seconds
        self.lock = threading.Lock()
        self.open = 0  # connections
        self.running: dict[Connection, str] = {}  # statements in the engine, by connection: their log_comment
        self.turns: dict[str, threading.Lock] = {}
        # Threads and sessions are reused: a small statement then costs a third less.
        self.threads = ThreadPoolExecutor(_MOST_CONNECTIONS)
        self.sessions: dict[str, list[tuple[str, Any]]] = {}  # by settings, with the log_comment of what they run
        self.last_statement = time.monotonic()
        self.numbers = itertools.count()

    def serve(self) -> None:
        """Open the engine and answer each connection in a separate thread."""
        from chdb.session import Session

        self.new_session = Session
        with Session(self.directory):  # the engine stays open between statements
            log("serving")
            self.last_statement = time.monotonic()
            while True:
                for ready in self._wait():
                    if ready is self.listener:
                        self._accept()
                    else:
                        self._abandon(ready)
                if self._idle():
                    log("idle")
                    return

    def _accept(self) -> None:
        connection = Connection(self.listener.accept()[0].detach())
        with self.lock:
            self.open += 1
        self.threads.submit(self._converse, connection)

    def _idle(self) -> bool:
        with self.lock:
            unused = not self.open and not wait([self.listener], timeout=0)
        return unused and time.monotonic() - self.last_statement >= self.idle_seconds

    def _wait(self) -> list[Any]:
        with self.lock:
            watched: list[Any] = [self.listener, *self.running]
        try:
            return wait(watched, timeout=_TICK_SECONDS)
        except OSError:  # a statement ended and its connection was closed meanwhile
            return []

    def _abandon(self, connection: Connection) -> None:
        """Stop the statement of a closed connection. A waiting client sends nothing: only a closed one is readable."""
        with self.lock:
            comment = self.running.pop(connection, None)
        if comment:
            log(f"statement {comment}: its client is gone")
            with contextlib.suppress(Exception), self.new_session(self.directory) as session:
                session.query(f"KILL QUERY WHERE Settings['log_comment'] = '{comment}'")

    def _converse(self, connection: Connection) -> None:
        try:
            connection.send_bytes(json.dumps({"protocol": PROTOCOL, "pid": os.getpid()}).encode())
            request = json.loads(connection.recv_bytes())
            self.last_statement = time.monotonic()
            outcome = {}
            try:
                with contextlib.closing(self._answer(connection, request)) as frames:
                    for frame in frames:
                        if frame:
                            connection.send_bytes(frame)
            except OSError:
                raise
            except Exception as error:
                outcome = {"error": str(error)}
            connection.send_bytes(b"")
            connection.send_bytes(json.dumps(outcome).encode())
        except (EOFError, OSError):
            pass  # the client closed the connection, perhaps without a request
        except Exception:
            log(traceback.format_exc())
        finally:
            with self.lock:
                self.open -= 1
            connection.close()

    def _answer(self, connection: Connection, request: dict[str, str]) -> Generator[bytes, None, None]:
        with self._session(request["sql"], request.get("settings", "")) as (comment, session):
            if request["kind"] == "insert":
                self._insert(connection, session, request)
                return
            with self.lock:
                self.running[connection] = comment
            try:
                if request["kind"] == "stream":
                    with session.send_query(request["sql"], request["format"]) as chunks:
                        for chunk in chunks:
                            yield chunk.bytes()
                else:
                    with self._turn(request.get("turn", "")):
                        result = session.query(request["sql"], request["format"]).bytes()
                    yield result
            finally:
                with self.lock:
                    abandoned = self.running.pop(connection, None) is None
                self.last_statement = time.monotonic()
            if abandoned:  # the KILL QUERY must not hit the next statement of this session
                raise BrokenPipeError

    @contextlib.contextmanager
    def _session(self, sql: str, settings: str) -> Iterator[tuple[str, Any]]:
        """Provide a session for one statement, and its log_comment.

        The session is reused if the statement succeeded and leaves nothing behind.
        """
        sessions = self.sessions.setdefault(settings, [])
        try:
            comment, session = sessions.pop()
        except IndexError:
            comment = f"feedpulse-{os.getpid()}-{next(self.numbers)}"
            session = self.new_session(self.directory)
            session.query(f"SET {SETTINGS}, log_comment = '{comment}'{settings and f', {settings}'}")
        try:
            yield comment, session
        except BaseException:
            session.close()
            raise
        if _LEAVES_NOTHING.match(sql):
            sessions.append((comment, session))
        else:
            session.close()

    def _turn(self, name: str) -> contextlib.AbstractContextManager[object]:
        with self.lock:
            return self.turns.setdefault(name, threading.Lock()) if name else contextlib.nullcontext()

    def _insert(self, connection: Connection, session: Any, request: dict[str, str]) -> None:
        error = None
        with session.send_insert(request["sql"], request["format"]) as inserter:  # an unfinished insert is cancelled
            while frame := connection.recv_bytes():
                if error is None:
                    try:
                        inserter.append(frame)
                    except RuntimeError as refused:
                        error = refused  # the client sends everything before it reads an answer
            if error:
                raise error
            inserter.finish()
        self.last_statement = time.monotonic()


def log(text: str) -> None:
    """Write a line to owner.log."""
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), os.getpid(), text, file=sys.stderr, flush=True)


def lock(directory: str) -> int | None:
    """Lock a directory and return the open file, or None if another process holds the lock."""
    handle = os.open(os.path.join(directory, "owner.lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return handle


def listen(address: str) -> socket.socket:
    """Listen on a Unix socket; replaces the socket file of a killed owner."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(address)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(128)
    return listener


def open_log(directory: str) -> int:
    """Open owner.log; a long one begins anew."""
    path = os.path.join(directory, "owner.log")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    if os.path.exists(path) and os.path.getsize(path) > _LOG_LIMIT_BYTES:
        flags |= os.O_TRUNC
    return os.open(path, flags, 0o600)


def detach(directory: str, output: int) -> None:
    """Leave the caller's session and streams: an inherited pipe would never be closed."""
    os.setsid()
    os.chdir(directory)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def refuse(listener: socket.socket, error: str) -> None:
    """Send waiting clients the reason why the engine does not start; later clients start a new owner."""
    listener.settimeout(0.2)
    with contextlib.suppress(OSError):
        while True:
            with Connection(listener.accept()[0].detach()) as connection, contextlib.suppress(OSError):
                connection.send_bytes(json.dumps({"error": error}).encode())


def main() -> None:
    """Become the owner; exit at once if there is one."""
    directory, address, idle_seconds = sys.argv[1:]
    os.umask(0o077)
    if lock(directory) is None:
        return
    output = open_log(directory)  # the caller sees a failure
    listener = listen(address)
    if os.fork():
        os._exit(0)  # the caller does not wait for the engine: it can already connect
    detach(directory, output)
    inode = os.stat(address).st_ino
    try:
        Owner(directory, listener, float(idle_seconds)).serve()
    except Exception as error:
        log(traceback.format_exc())
        refuse(listener, str(error))
    # Leave the socket alone if the directory was removed and another owner created a new one.
    with contextlib.suppress(FileNotFoundError):
        if os.stat(address).st_ino == inode:
            os.unlink(address)
    log("ends")
    os._exit(0)  # releases the lock, and does not wait for chDB's threads


if __name__ == "__main__":
    main()
