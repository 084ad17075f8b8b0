# An image of one static program, made by the same script as the releases: from nothing, as nobody,
# on a root that is never written to. Its data are in /data.
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends musl-tools python3 \
    && rustup target add "$(uname -m)-unknown-linux-musl"
COPY . /wechat
WORKDIR /wechat
RUN cargo fetch --locked && scripts/release --root /image

FROM scratch
COPY --from=build /image/wechat /wechat
COPY --from=build --chown=65534:65534 /image/data /data
ENV DATA_DIR=/data
USER 65534:65534
EXPOSE 2565/tcp 443/tcp 3478/tcp 3478/udp 5349/tcp
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["/wechat", "health"]
ENTRYPOINT ["/wechat"]
