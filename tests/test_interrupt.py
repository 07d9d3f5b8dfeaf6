import signal

import pytest

from segan_tl.interrupt import Terminated, leave_quietly, raise_again, signals_as_interrupts


@pytest.fixture(autouse=True)
def _handler():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_work_that_has_begun_is_interrupted_as_python_does():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leave_quietly()
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    raise_again()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("theirs", [signal.SIG_IGN, signal.SIG_DFL, lambda *_: None])
def test_a_handler_of_somebody_else_stays(theirs):
    signal.signal(signal.SIGINT, theirs)
    leave_quietly()
    raise_again()
    assert signal.getsignal(signal.SIGINT) is theirs


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_the_signals_of_a_cluster_interrupt_within_the_block_alone(number):
    before = signal.getsignal(number)
    with pytest.raises(Terminated), signals_as_interrupts():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before
