package outbound

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	strict := setup(t, Options{})
	dev := setup(t, Options{Allow: local})
	networks := setup(t, Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	tests := []struct {
		sender *Sender
		url    string
		want   error
	}{
		{strict, "https://hook.example/a?b=c", nil},
		{strict, "HTTPS://HOOK.example:443", nil},
		{strict, "https://hook.example:80/", nil},
		{strict, "https://hook.example./", nil},
		{strict, "https://müller.example/Ü", nil},
		{strict, "https://1.1.1.1/", nil},
		{strict, "https://[2606:4700::1111]/", nil},
		{strict, "https://[64:ff9b::808:808]/", nil},
		{strict, "https://my_service.example/a%20b%23", nil},

		{strict, "", errAbsolute},
		{strict, "hook.example/a", errAbsolute},
		{strict, "//hook.example", errAbsolute},
		{strict, "https:hook.example", errAbsolute},
		{strict, "https:///a", errAbsolute},
		{strict, "https://:443/", errAbsolute},
		{strict, "file:///etc/passwd", errAbsolute},
		{strict, "gopher://hook.example/", errAbsolute},
		{strict, "ftp://hook.example/", errAbsolute},
		{strict, "unix:/run/x.sock", errAbsolute},
		{strict, "data:text/plain,x", errAbsolute},
		{strict, `http://127.0.0.1\@a.test/`, errAbsolute},
		{strict, "http://[[::1]]/", errAbsolute},
		{strict, "https://hook.example:x/", errAbsolute},
		{strict, "https://hook.example:0/", errPort},
		{strict, "https://hook.example:65536/", errPort},
		{strict, "https://hook.example:99999999999999999999/", errPort},
		{strict, " https://hook.example/", errCharacters},
		{strict, "https://hook.example/\t", errCharacters},
		{strict, "https://hook.example/\r\nX: y", errCharacters},
		{strict, "https://hook.example/\x00", errCharacters},
		{strict, "https://hook.example/\u2028", errCharacters},
		{strict, "https://hook.example/\xff", errCharacters},
		{strict, "https://user:pass@hook.example/", errUserinfo},
		{strict, "http://u@127.0.0.1/", errUserinfo},
		{strict, "http://a.test#@127.0.0.1/", errFragment},
		{strict, "https://hook.example/#", errFragment},
		{strict, "https://./", errHostname},
		{strict, "https://" + strings.Repeat("ü", 4000) + "/", errHostname},
		{strict, "https://[::1%25.example.com]/", errPrivate},

		{strict, "http://hook.example/", errPlain},
		{strict, "HTTP://hook.example/", errPlain},
		{strict, "https://hook.example:22/", errOddPort},
		{strict, "https://hook.example:8443/", errOddPort},
		{strict, "http://1.1.1.1/", errPlain},
		{strict, "https://1.1.1.1:6379/", errOddPort},

		{strict, "http://2130706433/", errSpelling},
		{strict, "https://0x7f000001", errSpelling},
		{strict, "https://0X7F.1", errSpelling},
		{strict, "https://0177.0.0.1", errSpelling},
		{strict, "https://127.1", errSpelling},
		{strict, "https://127.0.0.1.", errSpelling},
		{strict, "https://①②⑦.⓪.⓪.①", errPrivate},
		{strict, "https://%EF%BC%91%EF%BC%92%EF%BC%97.1/", errSpelling},
		{strict, "HTTP://127.0.0.1/", errPrivate},
		{strict, "https://localhost", errPrivate},
		{strict, "https://LOCALHOST.", errPrivate},
		{strict, "https://a.localhost", errPrivate},
		{strict, "https://localhost.localdomain", errPrivate},
		{strict, "https://ｌｏｃａｌｈｏｓｔ", errPrivate},
		{strict, "https://metadata.google.internal", errMetadata},
		{strict, "http://169.254.169.254/latest", errMetadata},
		{strict, "https://[::ffff:a9fe:a9fe]/", errMetadata},
		{strict, "https://[fe80::1%25eth0]/", errPrivate},

		{dev, "http://127.0.0.1:9000/hook", nil},
		{dev, "http://localhost:9000/hook", nil},
		{dev, "http://[::1]:9000/hook", nil},
		{dev, "https://hook.example/", nil},
		{dev, "http://hook.example/", errPlain},
		{dev, "https://hook.example:8443/", errOddPort},
		{dev, "http://10.1.2.3/", errPrivate},
		{dev, "http://127.1/", errSpelling},
		{networks, "http://10.1.2.3:8080/", nil},
		{networks, "http://receiver:8080/", nil},
		{networks, "http://1.1.1.1:8080/", errPlain},
		{networks, "http://localhost:8080/", errPrivate},
		{networks, "https://metadata.google.internal/", errMetadata},
	}
	for _, tt := range tests {
		if got := tt.sender.Check(tt.url); !errors.Is(got, tt.want) {
			t.Errorf("Check(%q) = %v, want %v", tt.url, got, tt.want)
		}
	}
	for _, a := range inside {
		host := a
		if strings.Contains(a, ":") {
			host = "[" + strings.Replace(a, "%", "%25", 1) + "]"
		}
		if got := strict.Check("https://" + host + "/"); !errors.Is(got, errPrivate) && !errors.Is(got, errMetadata) {
			t.Errorf("Check(%s) = %v", a, got)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{"https://hook.example/", "http://127.0.0.1", "https://[::1]:1/", "https://①.⓪.⓪.①/", "https://0x7f.1."} {
		f.Add(seed)
	}
	s, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if s.Check(raw) != nil {
			return
		}
		u, err := parseURL(raw)
		if err != nil || u.Scheme != "https" || u.User != nil || !usualPort(port(u)) {
			t.Fatalf("Check takes %q", raw)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !s.guard.public(a.Unmap()) {
			t.Fatalf("Check takes %q", raw)
		}
	})
}
