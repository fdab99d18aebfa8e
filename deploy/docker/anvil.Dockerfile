# A local EVM chain for Compose: the same pinned Anvil that npm start uses.
FROM node:24.21.0-bookworm-slim
RUN npm install --global --omit=dev @foundry-rs/anvil@1.7.1 && mkdir /data && chown 10001:10001 /data
USER 10001:10001
EXPOSE 8545
ENTRYPOINT ["anvil", "--host", "0.0.0.0", "--state", "/data/state.json", "--state-interval", "5"]
