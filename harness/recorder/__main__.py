"""The recorder as a process: file descriptor 3 is its end of the socket pair."""

import socket

from harness.recorder.serve import main

if __name__ == "__main__":
    main(socket.socket(fileno=3))
