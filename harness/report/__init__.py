"""A run as others read it: run.json, and the table a terminal shows. Nothing here judges."""
