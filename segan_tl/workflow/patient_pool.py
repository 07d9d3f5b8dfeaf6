"""Patients prepared one after another, or several at a time by worker processes that say what they are at."""

from collections.abc import Callable, Iterator

from segan_tl.workflow.preparing import Task, prepare_one

_voice = None  # of a worker process: the end of a pipe


def each_patient(
    tasks: list[Task], *, jobs: int, tell: Callable[[str, str], None]
) -> Iterator[tuple[str, str, str]]:
    """Yield what becomes of each patient, as `prepare_one` says it, in the order in which they are done.

    Args:
        tell: is called with a patient's name and what is done next, from another thread where there are workers.
    """
    if min(jobs, len(tasks)) < 2:
        yield from (prepare_one(task, tell) for task in tasks)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from threading import Thread

    context = multiprocessing.get_context("spawn")
    # A pipe, for its short messages are written whole without a lock, which a worker that is killed would keep.
    heard, said = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context, initializer=_speak, initargs=(said,))
    listener = Thread(target=_listen, args=(heard, tell), daemon=True)
    listener.start()
    try:
        for future in as_completed([pool.submit(_prepare_one, task) for task in tasks]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        said.close()  # the last end that is open: the listener comes to its end
        listener.join()


def _listen(heard, tell: Callable[[str, str], None]) -> None:
    try:
        while True:
            tell(*heard.recv())
    except EOFError:
        heard.close()


# === In a worker ===


def _speak(said) -> None:
    global _voice
    _voice = said


def _prepare_one(task: Task) -> tuple[str, str, str]:
    return prepare_one(task, lambda case, stage: _voice.send((case, stage)))
