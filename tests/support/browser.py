"""A real browser, without a window: Chromium, driven over WebDriver."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

__all__ = ["browser"]


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Chrome]:
    """A browser with a profile of its own in ``folder``; what its pages say on the console is kept."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert program is not None, "chromium is missing: tests/peers/install brings it"
    assert driver is not None, "chromedriver is missing: tests/peers/install brings it"
    options = ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",  # which root cannot have
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        f"--user-data-dir={folder / 'profile'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=ChromeService(driver))
    chrome.set_page_load_timeout(30)
    try:
        yield chrome
    finally:
        chrome.quit()
