"""Real clients of HTTP and SMTP: each asks once on a connection it keeps, and says in a word what it got."""

import smtplib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from email.message import EmailMessage
from functools import partial
from typing import Any

import httpx
import requests
import urllib3

Ask = Callable[..., str]
"""Posts an id, and returns the status it got, or the name of the exception."""


class Clients:
    """The clients of one address; `by_name` has them, each with a connection of its own that it keeps as long as it can."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._open = ExitStack()
        self._threads = self._open.enter_context(ThreadPoolExecutor(8))
        self._httpx = self._open.enter_context(httpx.Client(base_url=self._url, timeout=60))
        self._requests = self._open.enter_context(requests.Session())
        self._urllib3 = self._open.enter_context(urllib3.PoolManager(retries=False, timeout=60))
        self.by_name: Mapping[str, Ask] = {
            "httpx": self.httpx,
            "httpx chunked": self.chunked,
            "requests": self.requests,
            "requests closing": self.closing,
            "urllib3": self.urllib3,
        }

    def close(self) -> None:
        self._open.close()

    def later(self, ask: Ask, key: str, **more: Any) -> Future[str]:
        """Ask in a thread of its own."""
        return self._threads.submit(ask, key, **more)

    def httpx(self, key: str, *, method: str = "POST", read: float = 60) -> str:
        return word(lambda: self._httpx.request(method, "/p", json={"id": key}, timeout=httpx.Timeout(60, read=read)).status_code)

    def fresh(self, key: str) -> str:
        """Ask by httpx, on a connection of its own."""
        return word(lambda: httpx.post(f"{self._url}/p", json={"id": key}, timeout=60).status_code)

    def chunked(self, key: str) -> str:
        pieces: Iterator[bytes] = iter([b'{"id":', f'"{key}"}}'.encode()])
        return word(lambda: self._httpx.post("/p", content=pieces).status_code)

    def requests(self, key: str) -> str:
        return word(lambda: self._requests.post(f"{self._url}/p", json={"id": key}, timeout=60).status_code)

    def closing(self, key: str) -> str:
        closing = {"Connection": "close"}
        return word(lambda: self._requests.post(f"{self._url}/p", json={"id": key}, headers=closing, timeout=60).status_code)

    def urllib3(self, key: str) -> str:
        return word(lambda: self._urllib3.request("POST", f"{self._url}/p", json={"id": key}).status)


def word(ask: Callable[[], object]) -> str:
    """Return what asking returned, or the name of what it raised."""
    try:
        return str(ask())
    except (OSError, httpx.HTTPError, urllib3.exceptions.HTTPError, smtplib.SMTPException) as error:
        code = str(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else ""
        return f"{type(error).__name__} {code}".strip()


def mailed(port: int, *keys: str) -> list[str]:
    """Send mails by smtplib on one connection as long as it lasts; return what was said to each."""
    with ExitStack() as end:
        client = smtplib.SMTP("127.0.0.1", port, timeout=60)
        end.callback(client.close)
        return [word(partial(_send, client, key)) for key in keys]


def _send(client: smtplib.SMTP, key: str) -> str:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = f"form {key} received", "forms@x.test", "doctor@y.test"
    mail.set_content("Dear doctor,\n.\n")
    client.send_message(mail)
    return "250"
