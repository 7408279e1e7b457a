FROM rust:1.95.0-bookworm AS build
WORKDIR /playground
COPY . .
RUN rustup toolchain install && cargo xtask build

FROM debian:bookworm-slim
COPY --from=build /playground/target/release/playground /usr/local/bin/playground
COPY --from=build /playground/target/page /page
USER nobody
ENTRYPOINT ["playground"]
CMD ["serve", "--no-open", "--page", "/page"]
