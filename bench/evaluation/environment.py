"""Which program, libraries and machine made a run."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

LIBRARIES = (
    *("inception-bench", "torch", "torchvision", "timm", "pytorchcv", "onnxruntime", "onnxruntime-gpu"),
    *("onnxruntime-openvino", "pillow", "simplejpeg", "numpy"),
)


def environment() -> dict[str, str | None]:
    """Versions, platform and the git commit of a checkout, None where there is none; with a GPU its versions,
    too.
    """
    versions: dict[str, str | None] = {}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = None
    return versions | {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "git_commit": _git_commit(),
        **_gpu_versions(),
    }


def _gpu_versions() -> dict[str, str | None]:
    """Versions of CUDA, cuDNN and the driver, which decide how a GPU rounds. Empty where there is none."""
    if not torch.cuda.is_available():
        return {}
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    driver = _output_of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return {
        "cuda": torch.version.cuda,
        "cudnn": str(cudnn) if cudnn else None,
        "driver": driver.partition("\n")[0] if driver else None,
    }


def _git_commit() -> str | None:
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None
    return _output_of("git", "rev-parse", "HEAD", folder=here)


def _output_of(*command: str, folder: Path | None = None) -> str | None:
    """What a command prints. None where it fails or is not there."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
