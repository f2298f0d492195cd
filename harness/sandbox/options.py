"""Calls with an option that does not exist, told with those that do; a bare TypeError names only the one that does not."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from typing import ParamSpec, TypeVar

from harness.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")


def told_by_name(method: Callable[P, R]) -> Callable[P, R]:
    """Have a method raise UsageError, naming its options, for arguments that it does not take."""
    signature = inspect.signature(method)
    options = [name for name, one in signature.parameters.items() if one.kind is inspect.Parameter.KEYWORD_ONLY]

    @wraps(method)
    def call(*arguments: P.args, **given: P.kwargs) -> R:
        try:
            signature.bind(*arguments, **given)
        except TypeError as error:
            message = f"{method.__name__}(...): {error}; its options are {', '.join(f'{one}=' for one in options)}"
            unknown = [name for name in given if name not in options]
            meant = get_close_matches(unknown[0], options, 1) if unknown else []
            raise UsageError(message + (f". Did you mean {meant[0]}=?" if meant else "")) from None
        return method(*arguments, **given)

    return call
