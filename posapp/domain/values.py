"""Frozen values, made quickly: `dataclass` and `replace` as the standard library has them.

The standard library writes six methods of each class as text and compiles them when the class is made,
1 ms for each of the fifty classes that the till's window needs, together more than it takes to open all
its files. Here the methods are shared. To whoever reads, checks types or uses a value there is no
difference; what is not needed here (fields with factories, inheritance, values that change) is refused,
and is the standard library's business (docs/decisions/0011-quick-values.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:
    from operator import attrgetter

    _MISSING = object()

    def dataclass(*, frozen, slots, kw_only=False):
        """Make a class a frozen value with slots; both must be asked for, as the standard needs it."""
        if not (frozen and slots):
            raise TypeError("only frozen values with slots are made here")

        def make(cls):
            return _made(cls, kw_only)

        return make

    def replace(value, /, **changes):
        """The same value with some fields changed."""
        cls = value.__class__
        names = getattr(cls, "_names", None)
        if names is None:
            from dataclasses import replace as replaced

            return replaced(value, **changes)
        for name in names:
            if name not in changes:
                changes[name] = getattr(value, name)
        return cls(**changes)

    def _made(cls, kw_only):
        if cls.__bases__ != (object,):
            raise TypeError(f"{cls.__qualname__} inherits")
        body = dict(cls.__dict__)
        for name in ("__dict__", "__weakref__"):
            body.pop(name, None)
        names = tuple(body.get("__annotations__", ()))
        defaults = {name: body.pop(name) for name in names if name in body}
        if any(default.__class__.__hash__ is None for default in defaults.values()):
            raise TypeError(f"{cls.__qualname__} has a default that can change")
        if not kw_only and tuple(defaults) != names[len(names) - len(defaults) :]:
            raise TypeError(f"{cls.__qualname__} has a field without default behind one with")
        body |= {
            "__slots__": names,
            "__match_args__": () if kw_only else names,
            "__setattr__": _refuse_to_set,
            "__delattr__": _refuse_to_delete,
            "__repr__": _repr,
            "__reduce__": _reduce,
            "__dataclass_fields__": _Late(_fields),
            "__signature__": _Late(_signature),
            "_names": names,
            "_defaults": defaults,
            "_kw_only": kw_only,
        }
        body.setdefault("__doc__", None)
        made = type(cls.__name__, (), body)
        made.__qualname__ = cls.__qualname__
        _write_methods(made, names, defaults, kw_only, body.get("__post_init__"))
        return made

    def _write_methods(made, names, defaults, kw_only, after):
        # A slot's own descriptor puts the value in its place past the `__setattr__` that refuses.
        puts = tuple(made.__dict__[name].__set__ for name in names)
        places = tuple(zip(names, puts, strict=True))
        most = 0 if kw_only else len(names)
        state = attrgetter(*names) if names else lambda value: ()

        def __init__(self, *args, **more):
            given = len(args)
            if given > most:
                raise TypeError(f"{made.__qualname__} takes {most} positional arguments, {given} were given")
            for put, value in zip(puts, args):  # noqa: B905  # the rest comes by name
                put(self, value)
            for name, put in places[given:] if given else places:
                value = more.pop(name, _MISSING)
                if value is _MISSING:
                    value = defaults.get(name, _MISSING)
                    if value is _MISSING:
                        raise TypeError(f"{made.__qualname__} is missing {name!r}")
                put(self, value)
            if more:
                raise TypeError(f"{made.__qualname__} has no field, or twice: {', '.join(more)}")
            if after is not None:
                after(self)

        def __eq__(self, other):
            return state(self) == state(other) if other.__class__ is self.__class__ else NotImplemented

        def __hash__(self):
            return hash(state(self))

        for method in (__init__, __eq__, __hash__):
            method.__qualname__ = f"{made.__qualname__}.{method.__name__}"
            setattr(made, method.__name__, method)

    def _refuse_to_set(self, name, value):
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(self, name):
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _repr(self):
        return f"{self.__class__.__qualname__}({', '.join(f'{n}={getattr(self, n)!r}' for n in self._names)})"

    def _reduce(self):
        return _again, (self.__class__, {name: getattr(self, name) for name in self._names})

    def _again(cls, fields):
        """For copies and pickles."""
        return cls(**fields)

    class _Late:
        """An attribute of a class that is made when somebody first asks: tools do, the till never does."""

        def __init__(self, make):
            self._make = make

        def __set_name__(self, owner, name):
            self._name = name

        def __get__(self, instance, owner):
            found = self._make(owner)
            setattr(owner, self._name, found)
            return found

    def _twin(cls):
        from dataclasses import field, make_dataclass

        told = [
            (name, kind, field(default=cls._defaults[name])) if name in cls._defaults else (name, kind)
            for name, kind in cls.__annotations__.items()
        ]
        return make_dataclass(cls.__name__, told, frozen=True, kw_only=cls._kw_only)

    def _fields(cls):
        return _twin(cls).__dataclass_fields__

    def _signature(cls):
        from inspect import signature

        return signature(_twin(cls))


__all__ = ["dataclass", "replace"]
