"""The Toxiproxy server's HTTP API as this package needs it."""
