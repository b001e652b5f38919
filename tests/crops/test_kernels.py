import pytest
import torch

from crops.filters import PRECISION_BITS

FAR = 2**31 + 5


@pytest.fixture
def far_pixels(device):
    """More bytes than 31 bits count. On the CPU they take no memory until they are written."""
    return torch.empty(FAR + 100, dtype=torch.uint8, device=device)


def test_pass_reads_and_writes_beyond_two_gibibytes(far_pixels):
    from crops import kernels

    far_pixels[FAR : FAR + 3] = torch.tensor([10, 20, 30])
    wide = torch.tensor([0, FAR, 3, FAR + 50, 1, 1, 1, 1, 0]).to(far_pixels.device)
    narrow = torch.tensor([0, 0, 1 << PRECISION_BITS], dtype=torch.int32).to(far_pixels.device)
    kernels.resample(far_pixels, far_pixels, (wide, narrow), 0, 1)
    assert far_pixels[FAR + 50 : FAR + 53].tolist() == [10, 20, 30]


def test_crop_is_read_beyond_two_gibibytes(far_pixels):
    from crops import kernels

    far_pixels[FAR : FAR + 6] = torch.arange(6)
    wide = torch.tensor([FAR + 3, 6, -3]).to(far_pixels.device)
    out = torch.empty(1, 1, 2, 3, dtype=torch.uint8).to(far_pixels.device).permute(0, 3, 1, 2)
    kernels.gather(far_pixels, wide, 0, out)
    assert out.permute(0, 2, 3, 1).flatten().tolist() == [3, 4, 5, 0, 1, 2]


@pytest.mark.parametrize("dtype", [None, "u8", "fp16", "bf16", "fp32"])
def test_kernels_compile_for_a_gpu(dtype, tmp_path, monkeypatch):
    """No GPU is needed. The interpreter lets mistakes pass that the compiler does not."""
    triton = pytest.importorskip("triton")
    if "nvidia" not in triton.backends.backends:
        pytest.skip("this build of Triton has no compiler for NVIDIA")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from crops import kernels

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    if dtype:
        kernel, pointers, constants = kernels._gather, ["*u8", "*i64", "i32", f"*{dtype}"], [299, 299, 2048]
    else:
        kernel, pointers, constants = kernels._resample, ["*u8", "*u8", "*i64", "*i32", "i32"], [16, 128]
    kinds = pointers + ["constexpr"] * len(constants)
    source = ASTSource(
        kernel,
        dict(zip(kernel.arg_names, kinds, strict=True)),
        {(place,): constant for place, constant in enumerate(constants, len(pointers))},
    )
    compiled = triton.compile(source, GPUTarget("cuda", 90, 32), {"enable_fp_fusion": False})
    assert compiled.asm["cubin"]
