# The command `deploy`, for pipelines that run in containers, and for releases that run in the cluster (docs/in-cluster.md): not root,
# no shell is needed, and nothing is written, so that its root file system may be read-only.
#   docker build -t rollway . && docker run --rm -v ~/.kube:/home/rollway/.kube:ro -v "$PWD:/work" rollway plan

FROM python:3-slim AS build
RUN python -m venv --without-pip /opt/rollway
COPY . /src
RUN pip --no-cache-dir --python /opt/rollway install /src

FROM python:3-slim
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
