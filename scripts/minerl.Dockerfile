# ghostkeys, MineRL 1.0 and its game in one image, with a display that needs no screen.
#
#     docker build -t ghostkeys-minerl -f scripts/minerl.Dockerfile .
#     docker run --rm ghostkeys-minerl env check
#     docker run --rm -v "$PWD/runs:/ghostkeys/runs" ghostkeys-minerl evaluate --agent runs/policy --env ghostkeys/MineRL-v0 --json runs/scores.json
FROM eclipse-temurin:8-jdk AS jdk

FROM python:3.11-bookworm
COPY --from=jdk /opt/java/openjdk /opt/java/openjdk
ENV JAVA_HOME=/opt/java/openjdk PATH=/opt/java/openjdk/bin:$PATH
# Xvfb draws in software; the other libraries are those that the game's window and sound ask for.
RUN apt-get update && apt-get install -y --no-install-recommends \
        git patch xvfb xauth libgl1 libgl1-mesa-dri libglib2.0-0 libxcursor1 libxi6 libxrandr2 libxrender1 libxtst6 libxxf86vm1 \
    && rm -rf /var/lib/apt/lists/*

# The game first: it takes longest, and depends on these two files alone.
WORKDIR /ghostkeys
COPY scripts/minerl.sh scripts/minerl.txt scripts/
RUN bash scripts/minerl.sh

COPY . .
RUN pip install --no-cache-dir -e . -c constraints.txt
ENTRYPOINT ["ghostkeys"]
