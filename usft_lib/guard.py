"""What students call is compared with its signature first: a wrong argument is one clear line.

Nothing of the course is explained here. The functions themselves check values (a number in its range, a name that
exists); what is the same for all of them is checked in this one place: unknown and missing arguments, and those of
another kind than annotated, as where model and data are swapped. Rooms that call one another are not checked.
"""

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from numbers import Integral
from typing import get_origin

from .errors import BadInput, check_name, shown

# The classes that are checked, by name (nothing need be imported), and how to call them.
KINDS = {"UNet": "a UNet", "Module": "a network", "SegmentationData": "a SegmentationData", "Scene": "a Scene",
         "Tensor": "a torch tensor", "ndarray": "a NumPy array", "DataFrame": "a table", "dict": "a dict",
         "int": "a whole number", "bool": "True or False", "Path": "a path", "str": "text", "None": "None"}  # fmt: skip


def guard(names: dict) -> None:
    """Put `checked` before the functions of a namespace, and before the methods of its classes."""
    for name, thing in list(names.items()):
        if inspect.isfunction(thing) and not name.startswith("_"):
            names[name] = checked(thing, name)
            setattr(sys.modules[thing.__module__], name, names[name])  # where pickle looks for it
        elif inspect.isclass(thing) and not issubclass(thing, Exception):
            for key, method in list(vars(thing).items()):
                if inspect.isfunction(method) and (key == "__init__" or not key.startswith("_")):
                    setattr(thing, key, checked(method, f"{name}.{key}".removesuffix(".__init__")))


def checked(call: Callable, name: str) -> Callable:
    """``call``, which raises `BadInput` at once for an argument that is unknown, missing, or of another kind."""
    signature = inspect.signature(call)
    kinds = {key: _kinds(parameter.annotation) for key, parameter in signature.parameters.items() if key != "self"}
    any_setting = any(parameter.kind == parameter.VAR_KEYWORD for parameter in signature.parameters.values())
    order = f"call {name}({', '.join(kinds)})"

    @wraps(call)
    def looks_first(*given, **settings):
        for key in () if any_setting else settings.keys() - kinds.keys():
            check_name(f"setting of {name}", key, kinds)
        try:
            named = signature.bind(*given, **settings).arguments
        except TypeError as error:
            raise BadInput(f"{str(error).capitalize()}: {order}.") from None
        for key, allowed in kinds.items():
            if allowed and key in named and not any(_is(named[key], kind) for kind in allowed):
                wanted = " or ".join(KINDS[kind] for kind in allowed)
                raise BadInput(f"{key} must be {wanted}, not {shown(named[key])}: {order}.")
        return call(*given, **settings)

    return looks_first


def _kinds(hint) -> list[str]:
    """The classes of an annotation, by name; none if it says more than that or takes any text, which others check."""
    hint = dict if get_origin(hint) is dict else hint
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    names = [part.rpartition(".")[2] for part in text.split(" | ")]
    return names if set(names) <= KINDS.keys() and set(names) - {"str", "None"} else []


def _is(value, kind: str) -> bool:
    if kind == "int":
        return isinstance(value, Integral) and not isinstance(value, bool)
    return value is None if kind == "None" else kind in [each.__name__ for each in type(value).__mro__]
