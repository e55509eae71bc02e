package value

import (
	"bytes"
	"mime"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/forgehook/forgehook"
)

// charsets are the charsets besides UTF-8 that endpoints still use.
var charsets = map[string]encoding.Encoding{
	"iso-8859-1": charmap.ISO8859_1, "latin1": charmap.ISO8859_1, "us-ascii": charmap.ISO8859_1,
	"iso-8859-15": charmap.ISO8859_15, "windows-1252": charmap.Windows1252, "cp1252": charmap.Windows1252,
	"utf-16":   unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"utf-16be": unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
}

// bodyText returns a response's body as UTF-8. For text/* and XML the header's charset counts, if
// it is known. Everything else is read as UTF-8. Invalid bytes become U+FFFD.
func bodyText(x *forgehook.Exchange) string {
	var contentType string
	for name, value := range x.Headers {
		if strings.EqualFold(name, "Content-Type") {
			contentType = value
		}
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	if err == nil && (strings.HasPrefix(media, "text/") || media == "application/xml" || strings.HasSuffix(media, "+xml")) {
		if known := charsets[strings.ToLower(parameters["charset"])]; known != nil {
			if text, err := known.NewDecoder().Bytes(x.Body); err == nil {
				return string(text)
			}
		}
	}
	return strings.ToValidUTF8(string(x.Body), "\uFFFD")
}

// fromUTF16 converts a text that begins with the byte order mark of UTF-16 to UTF-8. Other texts
// stay as they are.
func fromUTF16(data []byte) []byte {
	if !bytes.HasPrefix(data, []byte("\xFE\xFF")) && !bytes.HasPrefix(data, []byte("\xFF\xFE")) {
		return data
	}
	text, err := charsets["utf-16"].NewDecoder().Bytes(data)
	if err != nil {
		return data
	}
	return text
}
