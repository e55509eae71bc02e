package library

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // some receivers ask for it as a checksum
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook/internal/expr/value"
	"github.com/forgehook/forgehook/internal/place"
)

var encodeFunctions = []Function{
	digest("md5", "The MD5 checksum in lower-case hexadecimal digits, for receivers that still ask for it.",
		func(b []byte) []byte { s := md5.Sum(b); return s[:] }, //nolint:gosec // as the documentation says
		Example{Expr: `md5("abc")`, Result: `"900150983cd24fb0d6963f7d28e17f72"`}),
	digest("sha1", "The SHA-1 checksum in lower-case hexadecimal digits, for receivers that still ask for it.",
		func(b []byte) []byte { s := sha1.Sum(b); return s[:] }, //nolint:gosec // as the documentation says
		Example{Expr: `sha1("abc")`, Result: `"a9993e364706816aba3e25717850c26c9cd0d89d"`}),
	digest("sha256", "The SHA-256 checksum in lower-case hexadecimal digits.",
		func(b []byte) []byte { s := sha256.Sum256(b); return s[:] },
		Example{Expr: `sha256("abc")`, Result: `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`}),
	digest("sha512", "The SHA-512 checksum in lower-case hexadecimal digits.",
		func(b []byte) []byte { s := sha512.Sum512(b); return s[:] },
		Example{Expr: `sha512("abc").truncate(16)`, Result: `"ddaf35a193617aba"`}),
	{
		Name: "hmacSha256", Group: "Hashes and encodings",
		Doc:       "The HMAC-SHA-256 of a text with a key, in lower-case hexadecimal digits. Everybody who sees the expression sees the key.",
		Overloads: []Overload{{"text, key", argTypes(textType, textType), textType, hmacSHA256}},
		Examples: []Example{{
			Expr:   `hmacSha256("what do ya want for nothing?", "Jefe")`,
			Result: `"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"`,
		}},
	},
	{
		Name: "base64", Group: "Hashes and encodings", Doc: "A text (as UTF-8) or bytes in standard Base64.",
		Overloads: []Overload{
			{"x", argTypes(textType), textType, toBase64},
			{"x", argTypes(cel.BytesType), textType, toBase64},
		},
		Examples: []Example{{Expr: `base64("Grüße")`, Result: `"R3LDvMOfZQ=="`}},
	},
	{
		Name: "base64Decode", Group: "Hashes and encodings",
		Doc:       "The bytes of a text in standard Base64; string(...) makes a text of them.",
		Overloads: []Overload{{"text", argTypes(textType), cel.BytesType, fromBase64}},
		Examples: []Example{
			{Expr: `string(base64Decode("R3LDvMOfZQ=="))`, Result: `"Grüße"`},
			{Expr: `sha256(base64Decode("YWJj")) == sha256("abc")`, Result: `true`},
		},
	},
	{
		Name: "urlEncode", Group: "Hashes and encodings",
		Doc: "The text with %XX for everything except letters, digits and - . _ ~, as Uri.EscapeDataString writes it. Templates in a URL do " +
			"this by themselves.",
		Overloads: []Overload{{"text", argTypes(textType), textType, urlEncode}},
		Examples:  []Example{{Expr: `urlEncode("a b/c?d=é")`, Result: `"a%20b%2Fc%3Fd%3D%C3%A9"`}},
	},
	{
		Name: "json", Group: "Hashes and encodings", Doc: "The JSON of any value as a text.",
		Overloads: []Overload{{"x", argTypes(anyType), textType, toJSON}},
		Examples: []Example{
			{Expr: `json({"b": 1, "a": [doc.id, null]})`, Result: `"{\"b\":1,\"a\":[912,null]}"`},
		},
	},
	{
		Name: "parseJson", Group: "Hashes and encodings", Doc: "The value of a text in JSON. Null stays null; a text that is not JSON is an error.",
		Overloads: []Overload{{"text", argTypes(nullText), anyType, parseJSON}}, Bounds: Bounds{Work: parseWork},
		Examples: []Example{
			{Expr: `parseJson("{\"total\": 118.4}").total`, Result: `118.4`},
			{Expr: `parseJson(doc.result)`, Result: `null`},
		},
	},
}

// maxParsed is the most bytes of JSON that parseJson reads.
const maxParsed = 4 << 20

// digest declares a hash function of texts and bytes.
func digest(name, doc string, hash func([]byte) []byte, example Example) Function {
	call := func(args ...ref.Val) ref.Val { return types.String(hex.EncodeToString(hash(bytesOf(args[0])))) }
	return Function{
		Name: name, Group: "Hashes and encodings", Doc: doc,
		Overloads: []Overload{
			{"x", argTypes(textType), textType, call},
			{"x", argTypes(cel.BytesType), textType, call},
		},
		Examples: []Example{example},
	}
}

func bytesOf(v ref.Val) []byte {
	if b, ok := v.(types.Bytes); ok {
		return b
	}
	return []byte(value.TextOf(v))
}

func hmacSHA256(args ...ref.Val) ref.Val {
	mac := hmac.New(sha256.New, bytesOf(args[1]))
	mac.Write(bytesOf(args[0]))
	return types.String(hex.EncodeToString(mac.Sum(nil)))
}

func toBase64(args ...ref.Val) ref.Val {
	data := bytesOf(args[0])
	if base64.StdEncoding.EncodedLen(len(data)) > value.MaxText {
		return value.TooMuch(value.TextLimit)
	}
	return types.String(base64.StdEncoding.EncodeToString(data))
}

func fromBase64(args ...ref.Val) ref.Val {
	data, err := base64.StdEncoding.DecodeString(value.TextOf(args[0]))
	if err != nil {
		return types.NewErr("the text is not Base64")
	}
	return types.Bytes(data)
}

func urlEncode(args ...ref.Val) ref.Val {
	s := value.TextOf(args[0])
	if len(s) > value.MaxText/3 {
		return value.TooMuch(value.TextLimit)
	}
	return types.String(place.Query.Append(nil, s))
}

func toJSON(args ...ref.Val) ref.Val {
	data, err := value.New(args[0], nil).AppendJSON(nil)
	if err != nil {
		return value.TooMuch(value.TextLimit)
	}
	return types.String(data)
}

func parseJSON(args ...ref.Val) ref.Val {
	s, ok := args[0].(types.String)
	if !ok {
		return types.NullValue
	}
	if len(s) > maxParsed {
		return value.TooMuch(value.JSONLimit)
	}
	v, err := value.DecodeJSONWithin([]byte(s), value.MaxElements)
	if _, ok := errors.AsType[*value.LimitError](err); ok {
		return types.WrapErr(err)
	}
	if err != nil {
		return types.NewErr("the text is not JSON")
	}
	return v
}

// parseWork is the work of reading a text and making its values.
func parseWork(args []ref.Val, result ref.Val) int {
	return 4*value.TextLen(args[0]) + 400*value.Measure(result, value.MaxElements, func(ref.Val) int { return 1 })
}
