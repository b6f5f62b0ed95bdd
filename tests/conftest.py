"""What every test relies on."""

import signal

# A shell starts background jobs with Ctrl-C switched off, and everything they start inherits that. Tests press Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
