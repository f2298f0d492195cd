"""The names of all methods of AMQP 0-9-1, and which of them answers which."""

from typing import Final

_CLASSES = {
    (10, "Connection"): {
        10: "Start", 11: "StartOk", 20: "Secure", 21: "SecureOk", 30: "Tune", 31: "TuneOk", 40: "Open", 41: "OpenOk",
        50: "Close", 51: "CloseOk", 60: "Blocked", 61: "Unblocked", 70: "UpdateSecret", 71: "UpdateSecretOk",
    },
    (20, "Channel"): {10: "Open", 11: "OpenOk", 20: "Flow", 21: "FlowOk", 40: "Close", 41: "CloseOk"},
    (40, "Exchange"): {
        10: "Declare", 11: "DeclareOk", 20: "Delete", 21: "DeleteOk", 30: "Bind", 31: "BindOk", 40: "Unbind", 51: "UnbindOk",
    },
    (50, "Queue"): {
        10: "Declare", 11: "DeclareOk", 20: "Bind", 21: "BindOk", 30: "Purge", 31: "PurgeOk", 40: "Delete", 41: "DeleteOk",
        50: "Unbind", 51: "UnbindOk",
    },
    (60, "Basic"): {
        10: "Qos", 11: "QosOk", 20: "Consume", 21: "ConsumeOk", 30: "Cancel", 31: "CancelOk", 40: "Publish", 50: "Return",
        60: "Deliver", 70: "Get", 71: "GetOk", 72: "GetEmpty", 80: "Ack", 90: "Reject", 100: "RecoverAsync", 110: "Recover",
        111: "RecoverOk", 120: "Nack",
    },
    (85, "Confirm"): {10: "Select", 11: "SelectOk"},
    (90, "Tx"): {10: "Select", 11: "SelectOk", 20: "Commit", 21: "CommitOk", 30: "Rollback", 31: "RollbackOk"},
}  # fmt: skip

NAMES: Final = {
    number << 16 | method: f"{kind}.{name}" for (number, kind), methods in _CLASSES.items() for method, name in methods.items()
}

ANSWERS: Final = {
    name: name.removesuffix("Ok").replace("GetEmpty", "Get")
    for name in NAMES.values()
    if name.endswith(("Ok", "GetEmpty")) and not name.startswith(("Connection", "Channel.Close"))
}
"""The request that a method answers, for what happens on a channel that is open."""

WORDS: Final = ("Basic.Ack", "Basic.Nack", "Basic.Reject")
"""What a consumer says of a delivery."""

REQUESTS: Final = tuple(
    sorted({*ANSWERS.values(), *WORDS, "Basic.Publish", "Basic.RecoverAsync"} - {"Channel.Open", "Channel.Flow"})
)
"""What a service asks of a broker on a channel that is open."""
