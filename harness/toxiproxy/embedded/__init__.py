"""The harness's own Toxiproxy server: the API and the toxics of Toxiproxy 2.12, seeded."""
