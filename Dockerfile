# One static binary, no shell, not root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /forgehook ./cmd/forgehook

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /forgehook /forgehook
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/forgehook"]
CMD ["serve"]
