# syntax=docker/dockerfile:1
# One image a service: docker build -f deploy/docker/service.Dockerfile --build-arg SERVICE=accounts .
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.base.json ./
COPY libs libs
COPY services services
COPY bench bench
COPY tools tools
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts \
 && node node_modules/typescript-7/bin/tsc -b

# Only what this service imports when it runs: its workspace, those below it, and their dependencies.
FROM node:${NODE_VERSION}-bookworm-slim AS production
ARG SERVICE
# "skip" on CPU; "cuda12" in the GPU image, where onnxruntime-node fetches its CUDA libraries.
ARG ONNXRUNTIME_INSTALL=skip
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools/image tools/image
COPY tools/pretrain/package.json tools/pretrain/package.json
COPY --from=build /app/libs libs
COPY --from=build /app/services services
COPY --from=build /app/bench/package.json bench/package.json
RUN --mount=type=cache,target=/root/.npm \
    test -n "${SERVICE}" || { echo 'build argument SERVICE is missing' >&2; exit 1; }; \
    ONNXRUNTIME_NODE_INSTALL=${ONNXRUNTIME_INSTALL} npm ci --omit=dev --omit=optional --workspace=services/${SERVICE} \
 && node tools/image/prune.mjs services/${SERVICE}

FROM node:${NODE_VERSION}-bookworm-slim
ARG SERVICE
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps
WORKDIR /app
COPY --from=production --chown=0:0 /app /app
COPY models models
RUN ln -s services/${SERVICE}/dist/src/main.js main.js \
 && mkdir -p /var/lib/openledger/blobs && chown -R 10001:10001 /var/lib/openledger
USER 10001:10001
EXPOSE 8080 9090
# Kubernetes asks by probes and Compose by its own check.
HEALTHCHECK NONE
STOPSIGNAL SIGTERM
# `migrate` as argument runs the migrations and ends.
ENTRYPOINT ["node", "/app/main.js"]
