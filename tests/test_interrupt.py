import signal

import pytest

from segan_tl.interrupt import leave_quietly, raise_again


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
