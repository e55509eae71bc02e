package value

import (
	"encoding/json"
	"testing"

	"cel.dev/cel-go/common/types"
)

// FuzzDecodeXML: any bytes give an error or a value that can be written as JSON.
func FuzzDecodeXML(f *testing.F) {
	for _, seed := range []string{
		`<a>x</a>`, `<a b="1"><c/>t<c/></a>`, `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, `<?xml version="1.0" encoding="latin1"?><a>` + "\xfc</a>",
		`<x:a xmlns:x="u" xmlns="v"><![CDATA[]]]]><![CDATA[>]]></x:a>`, `<a`, "\uFEFF<a/>", `<a></b>`, `<#text/>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := decodeXML(data)
		if err != nil {
			return
		}
		written, err := New(v, nil).AppendJSON(nil)
		if err != nil || !json.Valid(written) {
			t.Fatalf("%q gives %s, %v", data, written, err)
		}
		again, err := decodeXML(data)
		if err != nil || types.Equal(v, again) != types.True {
			t.Fatalf("%q is read in two ways", data)
		}
	})
}
