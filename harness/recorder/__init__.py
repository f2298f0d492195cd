"""The recorder: one event loop that runs all taps and resources of a run and writes the journals.

It runs as a process of its own (a busy test holds the interpreter's lock for milliseconds, which would show up in every message)
or as a thread; the code and the control protocol are the same.
"""
