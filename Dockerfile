# One static binary, no shell, not root.
#   docker build --build-arg VERSION="$(git describe --tags --always)" --build-arg REVISION="$(git rev-parse HEAD)" -t forgehook .
FROM golang:1.26 AS build
ENV GOTOOLCHAIN=local
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /forgehook ./cmd/forgehook

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Forgehook" \
      org.opencontainers.image.description="Durable webhooks for document-processing pipelines" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /forgehook /forgehook
COPY LICENSE /LICENSE
USER 65532:65532
EXPOSE 8080 9090
# This checks the API, which serve also runs. A container with only a worker sets
# FORGEHOOK_METRICS_ADDR and checks `health worker` instead.
ENV FORGEHOOK_HTTP_ADDR=:8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/forgehook", "health", "api"]
ENTRYPOINT ["/forgehook"]
CMD ["serve"]
