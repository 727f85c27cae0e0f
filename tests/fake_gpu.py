"""A GPU that is not there: ``with fake_gpu(): …``. It finds tensors in the wrong memory, and nothing else.

Everything is computed on the processor. But memory has a place, as on a real machine: what ``.to("cuda")``,
``.cuda()`` or ``device="cuda"`` made lies on the GPU, and so does what is computed from it. An operation that mixes the
two places raises `WrongPlace`, where CUDA would refuse it. Speed, precision and kernels stay the processor's.

The place belongs to the storage, not to the tensor object: views, `Parameter` and ``parameter.data = …`` share it, so a
module keeps its parameters under ``.to``, as it does on CUDA. A subclass of Tensor would replace them.

Not watched: what runs inside one call of PyTorch, such as a backward pass (hooks of tensors are), and other processes.
"""

import contextlib
import threading
from unittest import mock

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

GPU = torch.device("cuda", 0)
MAY_MIX = {  # they copy from one place to another, or ask for shapes alone
    "copy_", "data", "type_as", "set_", "expand_as", "view_as", "reshape_as", "broadcast_tensors",
    "_has_compatible_shallow_copy_type", "result_type", "is_same_size", "can_cast",
}  # fmt: skip
ARCHITECTURES = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]


class WrongPlace(RuntimeError):
    """An operation met tensors on two devices."""


class NotForNumPy(WrongPlace, TypeError):  # a TypeError, as PyTorch has it
    """NumPy was given a tensor on the GPU."""


def tensors(value):
    """The tensors in arguments or results, however nested."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from tensors(one)


def storage(tensor: torch.Tensor) -> int | None:
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):  # a sparse tensor has none
        return None


def is_gpu(device) -> bool:
    return device is not None and torch.device(device).type == "cuda"


class FakeGpu(TorchFunctionMode):
    """Watches every operation of the thread that entered it."""

    def __init__(self):
        super().__init__()
        self.memory: dict[int, StorageWeakRef] = {}  # storages on the GPU; a reference keeps the address from reuse
        self.operations = 0  # that computed on the GPU

    def holds(self, tensor: torch.Tensor) -> bool:
        return storage(tensor) in self.memory

    def put(self, tensor: torch.Tensor) -> None:
        if len(self.memory) % 500 == 499:
            for key in [key for key, reference in list(self.memory.items()) if reference.expired()]:
                self.memory.pop(key, None)
        key = storage(tensor)
        if key is not None and tensor.device.type == "cpu" and key not in self.memory:
            self.memory[key] = StorageWeakRef(tensor.untyped_storage())

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name in ("__get__", "__set__"):
            name = func.__self__.__name__
        first = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if first is not None and self.holds(first):
            if name in ("device", "is_cuda", "is_cpu", "get_device"):
                return {"device": GPU, "is_cuda": True, "is_cpu": False, "get_device": 0}[name]
            if name in ("numpy", "__array__", "__dlpack__"):
                raise NotForNumPy(f"can't convert cuda:0 device type tensor to numpy ({name}): use Tensor.cpu() first")
        if name in ("to", "cpu", "cuda"):
            return self._moved(func, name, args, kwargs)
        if name == "register_hook":
            return func(first, self._watched(first, args[1]))
        given = args[:1] if name == "__deepcopy__" else args  # behind it is what was copied before
        on_gpu = self._result_is_on_gpu(name, given, kwargs)
        if on_gpu and any(isinstance(v, torch.Generator) for v in (*args, *kwargs.values())):
            raise WrongPlace(f"Expected a 'cuda' device type for generator but found 'cpu' ({name})")
        if is_gpu(kwargs.get("device")):
            kwargs["device"] = "cpu"
        result = func(*args, **kwargs)
        if on_gpu:
            self.operations += 1
            before = {storage(t) for t in tensors((given, kwargs))}
            for tensor in tensors(result):
                if storage(tensor) not in before:
                    self.put(tensor)
        return result

    def _result_is_on_gpu(self, name: str, args: tuple, kwargs: dict) -> bool:
        """Whether an operation computes on the GPU; raises where its tensors may not be mixed."""
        if kwargs.get("device") is not None:
            return is_gpu(kwargs["device"])
        if name in ("tensor", "as_tensor") and not isinstance(args[0], torch.Tensor):
            return False  # of a list: the numbers are read, whatever they lie on
        given = list(tensors((args, kwargs)))
        on_gpu = [self.holds(t) for t in given]
        if name in MAY_MIX or not any(on_gpu):
            return any(on_gpu[:1])
        if name in ("__getitem__", "__setitem__"):
            self._check_index(name, *args)
            return on_gpu[0]
        # A CPU tensor of no dimensions is a number, and may mix; but not as the place that a result is written to.
        written = name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
        odd = [t for t, on in zip(given, on_gpu, strict=True) if not on and (t.ndim or name in ("stack", "cat"))]
        if odd or (written and not on_gpu[0]):
            raise WrongPlace(f"Expected all tensors to be on the same device, but found cuda:0 and cpu ({name})")
        return True

    def _check_index(self, name: str, target, index, value=None) -> None:
        """Indices on the CPU serve everywhere, those on the GPU only there; slices take values from anywhere."""
        indices = [t for t in tensors((index,)) if t.ndim]
        if not self.holds(target) and any(self.holds(t) for t in indices):
            raise WrongPlace(f"indices should be on the same device as the indexed tensor (cpu) ({name})")
        if indices and isinstance(value, torch.Tensor) and value.ndim and self.holds(value) != self.holds(target):
            raise WrongPlace(f"Expected all tensors to be on the same device, but found cuda:0 and cpu ({name})")

    def _moved(self, func, name: str, args: tuple, kwargs: dict) -> torch.Tensor:
        """``.to``, ``.cpu`` and ``.cuda``: a copy where the place changes."""
        first, rest = args[0], args[1:]
        if name == "cuda":
            func, onto, rest = torch.Tensor.cpu, True, ()
            kwargs = {key: value for key, value in kwargs.items() if key == "memory_format"}
        elif name == "cpu":
            onto = False
        else:
            named = [v for v in (*rest, kwargs.get("device"), kwargs.get("other")) if v is not None]
            onto = self.holds(first)
            for value in named:
                if isinstance(value, torch.Tensor):
                    onto = self.holds(value)
                elif isinstance(value, str | torch.device):
                    onto = is_gpu(value)
            rest = tuple("cpu" if isinstance(v, str | torch.device) and is_gpu(v) else v for v in rest)
            kwargs |= {"device": "cpu"} if is_gpu(kwargs.get("device")) else {}
        result = func(first, *rest, **kwargs)
        if onto != self.holds(first) and storage(result) == storage(first):
            result = result.clone()
        if onto:
            self.put(result)
        return result

    def _watched(self, tensor: torch.Tensor, hook):
        """A hook on the gradient of a tensor: it is given on the tensor's device, and expected back there."""

        def run(gradient):
            if not self.holds(tensor):
                return hook(gradient)
            self.put(gradient)
            with self:
                changed = hook(gradient)
            if changed is not None and not self.holds(changed):
                raise WrongPlace("a hook made a gradient on cpu, but expected device cuda:0")
            return changed

        return run


@contextlib.contextmanager
def fake_gpu(capability=(7, 5), architectures=tuple(ARCHITECTURES), native_bf16=False):
    """A machine with one GPU, by default the T4 of free Colab; threads that start within are watched as well."""
    gpu = FakeGpu()
    run, to = threading.Thread.run, torch.nn.Module.to

    def run_watched(thread):
        with gpu:
            run(thread)

    def module_to(module, *args, **kwargs):  # PyTorch reads a tensor's device there without asking
        if args and isinstance(args[0], torch.Tensor):
            args = (args[0].device, args[0].dtype, *args[1:])
        return to(module, *args, **kwargs)

    answers = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": lambda device=None: "Fake T4",
        "get_device_capability": lambda device=None: capability,
        "get_arch_list": lambda: list(architectures),
        "is_bf16_supported": lambda including_emulation=True: including_emulation or native_bf16,
        "synchronize": lambda device=None: None,
        "empty_cache": lambda: None,
    }
    changed = [(threading.Thread, "run", run_watched), (torch.nn.Module, "to", module_to)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.multiple(torch.cuda, **answers))
        for change in changed:
            stack.enter_context(mock.patch.object(*change))
        yield stack.enter_context(gpu)
