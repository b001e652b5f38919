# inception-bench on a GPU, in a container; docs/installation.md says how to build and run it.
# The packages of torch bring the libraries of CUDA, so the smallest of NVIDIA's images is enough. That of the
# first CUDA 13 accepts every driver that runs CUDA 13.
FROM nvidia/cuda:13.0.1-base-ubuntu24.04

# hadolint ignore=DL3008  # Ubuntu's index has no older versions, so a pinned one cannot be built for long
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PIP_NO_CACHE_DIR=1

# What the program depends on is large and changes seldom: a layer of its own, made with empty packages.
WORKDIR /opt/inception-bench
COPY pyproject.toml constraints.txt ./
RUN touch README.md LICENSE \
    && mkdir bench crops results \
    && touch bench/__init__.py crops/__init__.py results/__init__.py \
    && pip install --constraint constraints.txt '.[caffe,detection,hf,onnx,pytorchcv,s3]'

COPY . .
RUN pip install --no-deps --force-reinstall .

# Any user may be named with `docker run --user`, so that what is written belongs to the caller.
RUN useradd --uid 10001 --create-home --home-dir /cache bench \
    && mkdir -p /data /work/runs \
    && chmod a+rwx /cache /work /work/runs
USER 10001
ENV HOME=/cache \
    USER=bench
VOLUME ["/data", "/work/runs", "/cache"]
WORKDIR /work
ENTRYPOINT ["inception-bench"]
CMD ["--help"]
