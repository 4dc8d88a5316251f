"""Whether our networks compute what the published ones do: `python -m docs.metric_parity FOLDER`.

FOLDER holds the unpacked wheels of `vbench` and `pyiqa`, none of which is installed (`pip download --no-deps vbench
pyiqa`, then unzip both): only the files with RAFT, AMT-S and MUSIQ are read. Random weights go through both.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import torch
from torch import nn

from engine.metrics.networks.amt import Amt
from engine.metrics.networks.musiq import Musiq
from engine.metrics.networks.raft import Raft

LARGEST_DIFFERENCE = 1e-5


def main() -> None:
    """Command line of the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    failed = False
    for name, difference in (("RAFT", raft(folder)), ("AMT-S", amt(folder)), ("MUSIQ", musiq(folder))):
        failed |= not difference <= LARGEST_DIFFERENCE
        print(f"{name}: largest difference {difference:.1e} of the largest value")  # noqa: T201
    sys.exit(failed)


@torch.no_grad()
def raft(folder: Path) -> float:
    """Flows of two noisy pictures."""
    module = _module(folder, "vbench.third_party.RAFT.core.raft")
    theirs = module.RAFT(_Options(small=False, mixed_precision=False))
    ours = Raft()
    _same_weights(theirs, ours)
    first = 255 * torch.rand(1, 3, 128, 160)
    second = 255 * torch.rand(1, 3, 128, 160)
    return _difference(theirs(first, second, iters=3, test_mode=True)[1], ours(first, second, iterations=3))


@torch.no_grad()
def amt(folder: Path) -> float:
    """Frames between two soft ones."""
    module = _module(folder, "vbench.third_party.amt.networks.AMT-S")
    theirs, ours = module.Model(), Amt()
    _same_weights(theirs, ours)
    # soft ones: where neighbours differ wildly, rounding of the flows shows
    first, second = nn.functional.interpolate(torch.rand(2, 3, 8, 10), (128, 160), mode="bicubic").clamp(0, 1)[:, None]
    wanted = theirs(first, second, torch.tensor(0.5).view(1, 1, 1, 1), eval=True)["imgt_pred"]
    return _difference(wanted, ours(first, second))


@torch.no_grad()
def musiq(folder: Path) -> float:
    """Qualities of two noisy pictures that are not square."""
    _stub("pyiqa", "pyiqa.archs", "pyiqa.utils", "pyiqa.data")
    _stub_values("pyiqa.archs.arch_util", dist_to_mos=_itself, load_pretrained_network=None, get_url_from_name=str)
    registry = SimpleNamespace(register=lambda: lambda cls: cls)
    _stub_values("pyiqa.utils.registry", ARCH_REGISTRY=registry)
    padding = _file(folder / "pyiqa/matlab_utils/padding.py", "pyiqa.matlab_utils.padding")
    _stub_values("pyiqa.matlab_utils", ExactPadding2d=padding.ExactPadding2d, exact_padding_2d=padding.exact_padding_2d)
    _file(folder / "pyiqa/data/multiscale_trans_util.py", "pyiqa.data.multiscale_trans_util")
    theirs = _file(folder / "pyiqa/archs/musiq_arch.py", "pyiqa.archs.musiq_arch").MUSIQ(pretrained=False)
    ours = Musiq()
    _same_weights(theirs, ours)
    pictures = torch.rand(2, 3, 80, 128)
    return _difference(theirs(pictures)[:, 0], ours(pictures))


def _itself(value: torch.Tensor) -> torch.Tensor:
    return value


class _Options(SimpleNamespace):
    def __contains__(self, name: str) -> bool:
        return hasattr(self, name)


def _same_weights(theirs: nn.Module, ours: nn.Module) -> None:
    """Random weights, and running statistics of norms, in both; all names must agree."""
    torch.manual_seed(0)
    for name, tensor in theirs.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if "running_var" in name else 0.05 * torch.randn_like(tensor))
    ours.load_state_dict(theirs.state_dict())
    theirs.eval(), ours.eval()


def _difference(wanted: torch.Tensor, found: torch.Tensor) -> float:
    return float((wanted - found).abs().max() / wanted.abs().max())


def _module(folder: Path, name: str) -> ModuleType:
    """A module of an unpacked wheel; what only reads files or trains is not there, and not needed."""
    _stub("vbench", "vbench.third_party", "vbench.third_party.amt", "vbench.third_party.RAFT")
    for package in ("vbench", "vbench.third_party", "vbench.third_party.amt", "vbench.third_party.RAFT"):
        sys.modules[package].__path__ = [str(folder / package.replace(".", "/"))]
    return importlib.import_module(name)


def _file(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        sys.exit(f"no `{path}`: unpack both wheels")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _stub(*names: str) -> None:
    for name in names:
        sys.modules.setdefault(name, ModuleType(name)).__path__ = []


def _stub_values(name: str, **values: object) -> None:
    _stub(name)
    for key, value in values.items():
        setattr(sys.modules[name], key, value)


if __name__ == "__main__":
    main()
