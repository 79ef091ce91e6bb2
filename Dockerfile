# The image holds the executable and what it is linked against, nothing else: no shell, no package manager, no source.
# For another processor: docker buildx build --platform linux/arm64 .

FROM --platform=$BUILDPLATFORM oven/bun:1.4.5 AS build
WORKDIR /source
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production
COPY . .
ARG TARGETARCH=amd64
RUN case "$TARGETARCH" in \
      amd64) target=bun-linux-x64 ;; \
      arm64) target=bun-linux-arm64 ;; \
      *) echo "There is no Bun for $TARGETARCH." >&2; exit 1 ;; \
    esac \
 && bun run build --target "$target" --outfile /out/postern \
 && mkdir -m 0700 /out/data

# Bun links libc, libm, libdl and libpthread and nothing more (test/slow/linked-libraries.test.ts looks), and brings its own
# certificate authorities: the smallest base with glibc serves. "scratch" would not, since Bun has no static build.
FROM gcr.io/distroless/base-nossl-debian12:nonroot
LABEL org.opencontainers.image.title="postern" \
      org.opencontainers.image.description="A self-hosted login service in one executable." \
      org.opencontainers.image.licenses="Apache-2.0"

COPY --from=build /out/postern /usr/local/bin/postern
# A new volume takes the owner of the folder that it is mounted on.
COPY --from=build --chown=65532:65532 /out/data /data

# The last two would turn the executable into the plain bun command; empty, they are as good as unset.
ENV POSTERN_DATA_DIR=/data \
    POSTERN_LISTEN=0.0.0.0:8080 \
    BUN_OPTIONS= \
    BUN_BE_BUN=

USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 CMD ["postern", "health"]
# SIGTERM, which `docker stop` sends, ends it within 8 s; Docker waits for 10.
STOPSIGNAL SIGTERM
ENTRYPOINT ["postern"]
CMD ["serve"]
