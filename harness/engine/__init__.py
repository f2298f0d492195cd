"""The Docker Engine, as the stack in containers and services in containers need it: a connection, images, a network, clearing up.

The docker library is imported where it is used: half a second that a run without containers need not pay.
"""
