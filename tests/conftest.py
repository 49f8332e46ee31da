"""For all tests."""

import signal

# `make test &` of a shell, or nohup, begins with Ctrl-C ignored, and so would every process that a test starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
