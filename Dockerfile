# The image of rune-provider, with the `rune` command for jobs. hack/image.py builds it; docs/install.md tells more.
#
# BASE is any image with Python 3.11 or newer, pip and venv. A release pins it by digest:
#   hack/image.py --base docker.io/library/python:3.11-slim-bookworm@sha256:...
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
# Another package index, for networks that don't reach the public one; the hashes stay the lock's.
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.txt requirements-dev.txt /src/
# Our own wheel is made with the hatchling of the lock; neither it nor pip gets into the image, nor do commands of
# libraries.
RUN awk '/^[a-z]/ {keep = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/} keep' \
      /src/requirements-dev.txt > /src/requirements-build.txt \
 && python3 -m venv /tools \
 && /tools/bin/pip install --only-binary=:all: --require-hashes -r /src/requirements-build.txt \
 && python3 -m venv --without-pip /opt/rune \
 && /tools/bin/pip --python /opt/rune/bin/python install --no-compile --only-binary=:all: --require-hashes \
      -r /src/requirements.txt \
 && find /opt/rune/bin -type f -delete
COPY LICENSE README.md pyproject.toml /src/
COPY provider /src/provider
# Bytecode that is never compared with its source: the root file system is read-only, and nothing else changes it.
# Of the Kubernetes client, only `rune keyset install` outside of a cluster imports a small part.
RUN /tools/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheel /src \
 && /tools/bin/pip --python /opt/rune/bin/python install --no-compile --no-deps --no-index /wheel/*.whl \
 && /opt/rune/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(kubernetes|tests)/' /opt/rune/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="rune-provider" \
      org.opencontainers.image.description="Secrets Store CSI driver provider for secrets in OCI registries" \
      org.opencontainers.image.licenses="Apache-2.0"
# Python's own library too: public images come without bytecode.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      -x '/(dist-packages|ensurepip|idlelib|lib2to3|pydoc_data|site-packages|test|tests|tkinter|turtledemo)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/rune /opt/rune
ENV PATH=/opt/rune/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# glibc (mallopt(3)): what was allocated for a large answer goes back to the node when it is freed, instead of staying
# with the thread that read it. After a crowd of hostile registries that is 20 MiB of 100 (tests/hostile/test_crowd.py).
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=262144
# Nobody, unless the pod says otherwise: only the DaemonSet needs root, for the driver's folder of sockets.
USER 65532:65532
ENTRYPOINT ["/opt/rune/bin/rune-provider"]
