"""A dead man's check: an address that is fetched after each healthy run, and whose owner tells when that stops."""

import logging
import os
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

VARIABLE = "FEEDPULSE_HEARTBEAT_URL"
TIMEOUT_SECONDS = 5
ROOTS = ("Alerts", "Morning")

_LOG = logging.getLogger(__name__)


def beat(root: str) -> None:
    """Fetch FEEDPULSE_HEARTBEAT_URL after a healthy run of one of `ROOTS`; a failure is logged without the address."""
    url = os.environ.get(VARIABLE, "").strip()
    if not url or root not in ROOTS:
        return
    if not url.lower().startswith(("http://", "https://")):
        _LOG.warning("%s is not an http(s) address: the dead man's check is not told of this run", VARIABLE)
        return
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS):
            pass
    except (OSError, HTTPException, ValueError) as error:
        reason = f"HTTP {error.code}" if isinstance(error, HTTPError) else type(error).__name__
        _LOG.warning("the address in %s does not answer as it should: %s", VARIABLE, reason)
