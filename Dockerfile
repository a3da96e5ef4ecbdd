# syntax=docker/dockerfile:1
# One image for every Airflow component of docker-compose.yaml. Built on the Debian that the tests run on, by the same
# set-up, from the same locked versions: what was tested natively is what is in here.
FROM debian:12-slim

# Guest files are read by libguestfs, which boots a small appliance and so needs a kernel; live moves and SSH
# connections need a client; the health check of the API server needs curl.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates curl libguestfs-tools linux-image-cloud-amd64 openssh-client python3-guestfs qemu-system-x86 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/drover
COPY . .
# Any command sets up what it needs first; this one does nothing else.
RUN --mount=type=cache,target=/root/.cache ./drover --version \
    && rm -rf /var/lib/apt/lists/*

# What a deployment of its own needs besides, at versions that fit the locked ones; see .env.example.
ARG EXTRA_PACKAGES=
RUN --mount=type=cache,target=/root/.cache set -f; [ -z "$EXTRA_PACKAGES" ] \
    || .venv/bin/uv pip install --python .venv/bin/python -c requirements.txt $EXTRA_PACKAGES

# The state of Airflow and the evidence of waves, on volumes that belong to the user the components run as.
RUN useradd --uid 50000 --create-home drover \
    && install -d -o drover -g drover /var/lib/drover /var/lib/drover/airflow /var/lib/drover/airflow/config \
        /var/lib/drover/airflow/logs /var/lib/drover/backups /var/lib/drover/store \
    && install -d -o drover -g drover -m 700 /var/lib/drover/keys /var/lib/drover/staging
USER drover

ENV PATH=/opt/drover/.venv/bin:$PATH \
    AIRFLOW_HOME=/var/lib/drover/airflow \
    PYTHONPATH=/opt/drover/include
ENTRYPOINT ["airflow"]
