"""Things done after a time, each in a thread of its own, so that one that takes long delays no other. No moments here."""

import threading
from collections.abc import Callable


class Timers:
    """The running timers of one sandbox."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[threading.Timer] = set()
        self._closed = False

    def later(self, seconds: float, then: Callable[[], None]) -> Callable[[], None]:
        """Call `then` after so many seconds; return what calls that off. After `close` nothing runs."""
        timer = threading.Timer(seconds, then)
        timer.name = f"after {seconds:g} s"
        timer.daemon = True
        with self._lock:
            if not self._closed:
                self._running = {one for one in self._running if one.is_alive()} | {timer}
                timer.start()
        return timer.cancel

    def close(self) -> None:
        """Call all off and wait for those whose time has just come; nothing runs any more when this returns."""
        with self._lock:
            self._closed = True
            running = [timer for timer in self._running if timer is not threading.current_thread()]
        for timer in running:
            timer.cancel()
        for timer in running:
            timer.join()
