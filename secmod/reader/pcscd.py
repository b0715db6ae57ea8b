# SPDX-License-Identifier: Apache-2.0
"""A private PC/SC daemon with our readers, beside any other: for tests, demos and measurements.

The installed pcscd is started by socket activation (sd_listen_fds(3)) on a socket of ours; clients find it through
PCSCLITE_CSOCK_NAME.  No global file is touched where the kernel has namespaces, and the daemon dies with its parent.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from secmod.errors import DriverError
from secmod.reader.driver import DRIVER_NAME, MAX_READERS, MAX_SOCKET_PATH, ReaderConf, driver_path, socket_name

_SEARCH: Final = "/usr/sbin:/usr/local/sbin:/sbin"
_READY: Final = 10.0  # s; it takes some milliseconds
_END: Final = 5.0  # s after SIGTERM
_VERSION_REQUEST: Final = struct.pack("<5I", 12, 0x11, 4, 4, 0)  # CMD_VERSION of the client protocol 4:4
_LAUNCHER: Final = Path(__file__).with_name("launch_pcscd.py")


def pcscd_program() -> Path:
    """The installed daemon; DriverError with the next step if there is none."""
    found = shutil.which("pcscd", path=f"{os.environ.get('PATH', '')}:{_SEARCH}")
    if found is None:
        raise DriverError("pcscd is not installed: run `apt-get install pcscd` (or your system's equivalent)")
    return Path(found)


def _start_remover(directory: Path) -> subprocess.Popen[bytes]:
    """A shell that removes the directory when its standard input ends: also after a SIGKILL of this process."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; exec rm -rf -- "$1"', "sh", str(directory)], stdin=subprocess.PIPE, start_new_session=True
    )


class PrivatePcscd:
    """A pcscd with `readers` readers of ours, from entering to leaving the context.

    `directory` gets its socket, configuration and log; without one a new directory is made and removed again.  The readers'
    sockets are `directory`/readerN.sock, see `sockets`.  Give `env` to clients.  Create it in a thread that outlives it: the
    kernel ends the daemon when that thread ends.

    `driver` is another driver library than ours, `deadline_ms` and `patience_ms` what the driver waits for an answer, `group` who
    else may play cards, `daemon_env` are more environment variables of the daemon (SECMOD_PRELOAD becomes its LD_PRELOAD: for
    sanitizers), `launcher` is a program with arguments that becomes the daemon (for sandboxes).
    """

    def __init__(  # noqa: PLR0913 - each says one thing of the daemon, and has a default
        self,
        directory: str | Path | None = None,
        readers: int = 1,
        *,
        driver: str | Path | None = None,
        deadline_ms: int | None = None,
        patience_ms: int | None = None,
        group: str | None = None,
        launcher: Sequence[str] = (),
        daemon_env: Mapping[str, str] | None = None,
    ) -> None:
        if not 1 <= readers <= MAX_READERS:
            raise DriverError(f"{readers} readers can not be had: pcscd serves 1 to {MAX_READERS}")
        self._own_directory = directory is None
        self.directory = Path(directory or Path(tempfile.gettempdir(), f"secmod-{secrets.token_hex(4)}")).absolute()
        self.sockets = tuple(self.directory / socket_name(i) for i in range(readers))
        self.socket = self.directory / "pcscd.sock"
        self.log_file = self.directory / "pcscd.log"
        self._remover: subprocess.Popen[bytes] | None = None
        self._driver = Path(driver).absolute() if driver is not None else driver_path()
        self._conf = ReaderConf(self.directory, readers, deadline_ms=deadline_ms, patience_ms=patience_ms, group=group)
        self._launcher = tuple(launcher)
        self._daemon_env = dict(daemon_env or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """What a client's environment needs to find this daemon."""
        return {"PCSCLITE_CSOCK_NAME": str(self.socket)}

    @property
    def socket_dir(self) -> Path:
        """Where the readers' sockets are: `secmod serve --socket-dir`."""
        return self.directory

    @property
    def pid(self) -> int:
        """The daemon's process id; DriverError if it is not running."""
        if self._process is None:
            raise DriverError("this pcscd has not been started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the daemon lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All that the daemon has said."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        """The daemon runs and has listed its readers; DriverError with its last words if it does not.  `close` ends it."""
        program = pcscd_program()
        if not self._driver.is_file():
            raise DriverError(f"{self._driver} is no reader driver: name the library of one")
        if self._own_directory and self._remover is None:
            self.directory.mkdir(mode=0o700)
            self._remover = _start_remover(self.directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        conf = self.directory / "reader.conf.d"
        conf.mkdir(exist_ok=True)
        driver = self.directory / DRIVER_NAME  # the true path may hold letters that a reader.conf can not
        driver.unlink(missing_ok=True)
        driver.symlink_to(self._driver)
        (conf / "secmod").write_text(self._conf.text(driver), encoding="utf-8")
        self.socket.unlink(missing_ok=True)
        with self._listen() as listener, self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", str(_LAUNCHER)),
                    *(str(listener.fileno()), str(os.getpid()), str(self.directory)),
                    *self._launcher,
                    *(str(program), "--foreground", "--config", str(conf)),
                ],
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._daemon_env},
            )
        self._wait_ready()
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """The daemon is gone; its clients and card processes notice at once.  It may be started again."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self.socket.unlink(missing_ok=True)

    def close(self) -> None:
        """Stopped, and nothing is left behind (a directory of the caller's stays, with the log)."""
        self.stop()
        if self._own_directory:
            if self._remover is not None:
                self._remover.communicate()
                self._remover = None
            return
        shutil.rmtree(self.directory / "reader.conf.d", ignore_errors=True)
        for path in (*self.sockets, self.directory / DRIVER_NAME):
            path.unlink(missing_ok=True)

    def _listen(self) -> socket.socket:
        if len(os.fsencode(self.socket)) > MAX_SOCKET_PATH or len(os.fsencode(self.sockets[-1])) > MAX_SOCKET_PATH:
            raise DriverError(f"the path {self.directory} is too long for a socket: choose a directory of at most 90 bytes")
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(str(self.socket))
            self.socket.chmod(0o600)
            listener.listen(64)
        except OSError as error:
            listener.close()
            raise DriverError(f"no socket in {self.directory}: {error}; choose another directory") from error
        return listener

    def _wait_ready(self) -> None:
        """Asks the daemon for its version as a client does: it answers when the readers are there."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_READY)
            try:
                client.connect(str(self.socket))
                client.sendall(_VERSION_REQUEST)
                if client.recv(12):
                    return
                reason = "it ended"
            except OSError as error:
                reason = str(error)
        raise DriverError(f"pcscd did not come up ({reason}); its last words: {self.log[-600:].strip() or 'none'}")


__all__ = ["PrivatePcscd", "pcscd_program"]
