"""The harness's own Toxiproxy server: the API and the toxics of Toxiproxy 2.12, seeded.

Tried with the published suites of its clients, unchanged: toxiproxy-python (its git at 43fedb1) 25 of 25, toxiproxy-node-client
4.0.0 (d70b403) 18 of 18, and the API tests of Toxiproxy itself with its Go client (f48fd7f) 33 of 34, as many as the original
passes: the other one wants a server whose version is "git".

It differs from the original in these, all of them on purpose and each with a test:

- Draws (toxicity, jitter, slices) follow from the seed, the names of proxy and toxic, and which connection of the proxy it is.
  Whether a connection is affected is drawn once; an update does not draw again.
- reset_peer resets connections that were open before it was added, spares those that its toxicity spares, and its wait ends when
  it is removed; nothing is lost then.
- Attributes that end the original at the first data are refused with 400: a slicer without average_size or with a larger
  variation, a bandwidth below 0, a jitter of 2^62 and more.
- Nothing hangs: neither a client that does not read, nor an upstream that does not answer, nor a wait of a toxic holds up the API
  or other connections. A toxic next to one that is added or removed is left alone.
- POST /reset resets every proxy, also behind one that cannot listen. Two latencies always add up.
- There are no metrics, a name that cannot be looked up is told without the name server, values nested deeper than 200 are
  refused, methods that HTTP does not know are bad requests, and answers carry a Server header and always a Content-Length.
"""
