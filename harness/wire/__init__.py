"""What passes between a service and what it uses: links with two taps, and the protocols the taps understand."""
