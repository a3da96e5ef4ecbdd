"""One simulated host: its listeners, its shells, and being stopped, started and rebooted."""

import ssl
import threading
from importlib import import_module

from drover_lab.hyperv.http import Host, Listener
from drover_lab.hyperv.injection import Injections
from drover_lab.hyperv.login import Users, server_context
from drover_lab.hyperv.runner import Runner
from drover_lab.hyperv.service import Service
from drover_lab.hyperv.settings import Settings
from drover_lab.hyperv.shells import Quotas, Shells

_IDLE_LOOK = 0.2  # seconds between two looks for shells that nobody uses


class HyperVHost:
    """WinRM of one host. `start` and `stop` are the service's, not the process's."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        module, _, name = settings.runner.partition(":")
        self.runner: Runner = getattr(import_module(module), name)(**settings.runner_options)
        self.shells = Shells(self.runner, Quotas(**settings.quotas))  # type: ignore[arg-type]
        self.injections = Injections()
        self.ports: list[int] = [port.port for port in settings.ports]
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        users = Users(
            passwords={name.lower(): password for name, password in settings.passwords.items()},
            certificates=settings.client_certificates,
            administrators=frozenset(settings.administrators),
        )
        service = Service(self.shells, settings.name, f"http://{settings.name}:5985/wsman")
        self.web = Host(service, users, self.injections, self.shells.unmodelled)
        threading.Thread(target=self._look_for_idle, name="idle shells", daemon=True).start()

    def start(self) -> None:
        """Listens; the second time at the same ports."""
        with self._lock:
            if self._listeners:
                return
            self.web.stopping.clear()
            for place, port in enumerate(self.settings.ports):
                tls = self._tls() if port.tls else None
                listener = Listener((port.address, self.ports[place]), self.web, tls)
                self.ports[place] = listener.server_address[1]
                self._listeners.append(listener)
                threading.Thread(target=listener.serve_forever, args=(0.05,), name="listener", daemon=True).start()

    def boot(self) -> None:
        """The host has power; it listens when what starts with it was started."""
        self.runner.boot()
        self.start()

    def stop(self) -> None:
        """As 'Stop-Service WinRM': refuses connections, cuts those that are open, ends every shell."""
        with self._lock:
            for listener in self._listeners:
                listener.shutdown()
                listener.server_close()
            self._listeners.clear()
            # Whoever is cut off finds nobody who listens.
            self.web.stopping.set()
            self.web.cut()
            for shell in self.shells.all():
                self.shells.remove(shell)

    def reboot(self, seconds: float | None) -> None:
        """Everything is lost; the host comes back after this time, by itself. None: when it is booted."""
        self.stop()
        self.shells.reboot()
        if seconds is None:
            return
        timer = threading.Timer(seconds, self.boot)
        timer.daemon = True
        timer.start()

    def _tls(self) -> tuple[ssl.SSLContext, bytes]:
        settings = self.settings
        if not settings.certificate or not settings.key:
            raise ValueError("a port with TLS needs a certificate and its key")
        with open(settings.certificate, encoding="ascii") as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        return server_context(settings.certificate, settings.key, settings.client_ca), der

    def _look_for_idle(self) -> None:
        while not self._ended.wait(_IDLE_LOOK):
            self.shells.remove_idle()
