"""Threads at work on one task, which end with it when they are interrupted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

__all__ = ["workers"]


@contextmanager
def workers(threads: int, stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads; whatever is raised, Ctrl-C too, cancels what they have not begun.

    What they are at should look at `stop` now and then, which is set before they are waited for.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    except BaseException:
        stop.set()
        with suppress(RuntimeError):  # of a thread that was just being started: nothing to wait for
            pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
