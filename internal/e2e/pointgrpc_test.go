//go:build e2e

package e2e

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// speakTemporal has a point before each request to Temporal and after its response, named by its
// method: "temporal/RespondWorkflowTaskCompleted/before". It knows only as much of HTTP/2 as it
// needs. It calls took at the end of each request, except for long polls.
func speakTemporal(client, server net.Conn, at watcher, took func(since time.Time)) {
	s := &grpcSession{at: at, took: took, open: map[uint32]grpcRequest{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer client.Close() //nolint:errcheck // one side is gone
		frames(bufio.NewReader(server), client, s.response)
	}()
	from := bufio.NewReader(client)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(from, preface); err == nil {
		if _, err := server.Write(preface); err == nil {
			s.headers = hpack.NewDecoder(4096, nil)
			frames(from, server, s.request)
		}
	}
	_ = server.Close()
	<-ended
}

// grpcSession is one connection of a process to Temporal.
type grpcSession struct {
	at      watcher
	took    func(since time.Time)
	headers *hpack.Decoder // of requests
	block   []byte         // of incomplete headers

	mu   sync.Mutex
	open map[uint32]grpcRequest // by stream
}

type grpcRequest struct {
	method string
	since  time.Time
}

// frame is the head of an HTTP/2 frame and its payload.
type frame struct {
	kind   http2.FrameType
	flags  http2.Flags
	stream uint32
	body   []byte
}

// errGone ends a session whose process was killed.
var errGone = errors.New("the process is gone")

// frames passes frames on after see has seen them.
func frames(from io.Reader, into io.Writer, see func(frame) error) {
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		whole := append(head, make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))...)
		if _, err := io.ReadFull(from, whole[9:]); err != nil {
			return
		}
		f := frame{http2.FrameType(head[3]), http2.Flags(head[4]), binary.BigEndian.Uint32(head[5:]) & (1<<31 - 1), whole[9:]}
		if see(f) != nil {
			return
		}
		if _, err := into.Write(whole); err != nil {
			return
		}
	}
}

// request collects a frame's headers. Every header block must be decoded, because later ones build
// on it.
func (s *grpcSession) request(f frame) error {
	switch f.kind {
	case http2.FrameHeaders:
		s.block = f.fragment()
	case http2.FrameContinuation:
		s.block = append(s.block, f.body...)
	case http2.FrameRSTStream:
		s.close(f.stream)
		return nil
	default:
		return nil
	}
	if !f.flags.Has(http2.FlagHeadersEndHeaders) {
		return nil
	}
	fields, err := s.headers.DecodeFull(s.block)
	if err != nil {
		return err
	}
	for _, field := range fields {
		if field.Name == ":path" {
			method := path.Base(field.Value)
			s.mu.Lock()
			s.open[f.stream] = grpcRequest{method, time.Now()}
			s.mu.Unlock()
			if !s.at("temporal/" + method + "/before") {
				return errGone
			}
		}
	}
	return nil
}

// fragment is the payload without padding and priority.
func (f frame) fragment() []byte {
	body := f.body
	if f.flags.Has(http2.FlagHeadersPadded) {
		body = body[1 : len(body)-int(body[0])]
	}
	if f.flags.Has(http2.FlagHeadersPriority) {
		body = body[5:]
	}
	return body
}

// response looks for the end of a response: its trailers.
func (s *grpcSession) response(f frame) error {
	reset := f.kind == http2.FrameRSTStream
	if !reset && (f.kind != http2.FrameHeaders || !f.flags.Has(http2.FlagHeadersEndStream)) {
		return nil
	}
	method := s.close(f.stream)
	if method != "" && !reset && !s.at("temporal/"+method+"/after") {
		return errGone
	}
	return nil
}

// close forgets a request and returns its method, "" if it is unknown.
func (s *grpcSession) close(stream uint32) (method string) {
	s.mu.Lock()
	request, found := s.open[stream]
	delete(s.open, stream)
	s.mu.Unlock()
	if found && !strings.HasPrefix(request.method, "Poll") {
		s.took(request.since)
	}
	return request.method
}
