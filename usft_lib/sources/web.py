"""How the course asks a server: by its own name, again where the connection broke, after a wait where it is busy."""

import ipaddress
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests

REPOSITORY = "OWNER/REPO"  # as in course.toml; notebooks/build.py --repoint writes both
TIMES = 2  # so often a busy server is waited for, and so often a broken connection is tried again
LONGEST = 60  # seconds that a busy server may ask for
PAUSE = 1  # seconds after a broken connection
T = TypeVar("T")


def options(url: str) -> dict:
    """What `requests.get` needs for this address: the course's name, and no proxy before a private address."""
    import usft_lib  # not at the top: it is still being imported then

    host = urlsplit(url).hostname or ""
    name = {"User-Agent": f"usft_lib/{usft_lib.__version__} (+https://github.com/{REPOSITORY})"}
    return {"headers": name, "proxies": {"no_proxy": host} if is_private(host) else {}}


def is_private(host: str) -> bool:
    """True for what no proxy can reach: addresses of one's own network, names without a dot or under .local."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost"))


def by_proxy(url: str) -> str:
    """The end of a sentence: what to do if the proxy that is asked does not lead there; empty if none is asked."""
    host = urlsplit(url).hostname or ""
    if is_private(host) or not requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)):
        return ""
    return f", by a proxy; if {host} is in your own network, set NO_PROXY={host}"


def patiently(ask: Callable[[], T], host: str, tell: Callable[[str], object] = print) -> T:
    """``ask()``, again after a broken connection or where a busy server says when (429, 503); each is told.

    A server that stays silent is not asked again, as that took a minute already; nor is one that gives an answer.
    """
    waited = broken = 0
    while True:
        try:
            return ask()
        except requests.HTTPError as error:
            seconds = seconds_to_wait(error.response)
            if seconds is None or seconds > LONGEST or waited == TIMES:
                raise
            waited += 1
            tell(f"{host}: busy (answer {error.response.status_code}), asked again in {seconds} s.")
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            if broken == TIMES or isinstance(error, requests.Timeout | requests.exceptions.SSLError):
                raise
            seconds = PAUSE
            broken += 1
            tell(f"{host}: the connection failed, asked again.")
        time.sleep(seconds)


def seconds_to_wait(answer: requests.Response) -> int | None:
    """The whole seconds after which a busy server wants to be asked again; None if it does not say so."""
    if answer.status_code not in (429, 503):
        return None
    said = answer.headers.get("Retry-After", "").strip()
    try:
        seconds = int(said) if said.isdecimal() else (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return max(1, math.ceil(seconds))


def refusal(answer: requests.Response) -> str:
    """Why a server gave nothing, in a few words."""
    seconds = seconds_to_wait(answer)
    when = f"{seconds} s" if (seconds or 0) <= LONGEST else f"{math.ceil(seconds / 60)} minutes"
    return f"answer {answer.status_code}" + (f": busy, try again in {when}" if seconds else "")
