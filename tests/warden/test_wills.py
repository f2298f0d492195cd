"""What a warden does last, for what no process holds."""

from pathlib import Path

from harness.warden import Warden


def test_a_last_will_that_was_taken_back_is_not_carried_out(tmp_path: Path):
    warden = Warden.start(tmp_path / "run")
    kept, taken_back = (["/bin/sh", "-c", f'echo "$SAYS" > {tmp_path / name}'] for name in ("kept", "taken"))
    warden.at_end(kept, {"SAYS": "what is left"})
    warden.at_end(taken_back)
    warden.not_at_end(taken_back)
    warden.not_at_end(taken_back)
    warden.end()
    assert (tmp_path / "kept").read_text() == "what is left\n"
    assert not (tmp_path / "taken").exists()
