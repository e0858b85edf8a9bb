# The command `deploy`, for pipelines that run in containers, and for releases that run in the cluster (docs/in-cluster.md): not root,
# no shell is needed, and nothing is written, so that its root file system may be read-only.
#   docker build -t rollway . && docker run --rm -v ~/.kube:/home/rollway/.kube:ro -v "$PWD:/work" rollway plan
# The bases are pinned, to the index of all platforms as Docker's official images list it (python 3.13.14 of August 2026); `make pin`
# asks the registry for what the tag names now.

FROM python:3.13-slim@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6 AS build
RUN python -m venv --without-pip /opt/rollway
COPY requirements/image.txt /src/requirements/image.txt
RUN pip --no-cache-dir --python /opt/rollway install --require-hashes --requirement /src/requirements/image.txt
COPY . /src
# setuptools is locked with the rest, and is gone when all is built
RUN pip --python /opt/rollway install --no-index --no-deps --no-build-isolation /src && \
    pip --python /opt/rollway uninstall --yes setuptools

FROM python:3.13-slim@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6
RUN useradd --uid 65532 --user-group --create-home rollway
# only what was installed: no source, no pip and no compiler of the first stage
COPY --from=build /opt/rollway /opt/rollway
ENV PATH=/opt/rollway/bin:$PATH \
    PYTHONUNBUFFERED=1
# by number, so that Kubernetes can see that it is not root
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["deploy"]
CMD ["--help"]
