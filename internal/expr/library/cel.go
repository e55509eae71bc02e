package library

// celFunctions are the functions of CEL and its libraries that bodies and conditions need most. CEL
// names them; their examples run as ours do.
var celFunctions = []Doc{
	{
		Name: "size", Group: "CEL", Signatures: []string{"size(x string, list or map) -> int", "x.size() -> int"},
		Doc:      "The number of characters, elements or members.",
		Examples: []Example{{Expr: `size(doc.table("Lines"))`, Result: `2`}, {Expr: `source.lines.size()`, Result: `2`, OfSource: true}},
	},
	{
		Name: "has", Group: "CEL", Signatures: []string{"has(x.member) -> bool"},
		Doc:      "Whether a member exists and is not null. A missing one is no error.",
		Examples: []Example{{Expr: `has(source.note)`, Result: `false`, OfSource: true}, {Expr: `has(doc.externalId)`, Result: `true`}},
	},
	{
		Name: "contains, startsWith, endsWith", Group: "CEL", Signatures: []string{"string.contains(part string) -> bool"},
		Doc:      "Whether a text contains, starts with or ends with another.",
		Examples: []Example{{Expr: `doc.filename.startsWith("inv-") && doc.filename.endsWith(".pdf")`, Result: `true`}},
	},
	{
		Name: "split, join", Group: "CEL", Signatures: []string{"string.split(separator string) -> list of string", "list.join(separator string) -> string"},
		Doc:      "Splits a text into pieces, and joins pieces into a text.",
		Examples: []Example{{Expr: `doc.filename.split("-").join("_")`, Result: `"inv_0042.pdf"`}},
	},
	{
		Name: "substring, replace, trim, indexOf", Group: "CEL",
		Signatures: []string{"string.substring(start int, end int) -> string", "string.replace(old string, new string) -> string", "string.trim() -> string", "string.indexOf(part string) -> int"},
		Doc:        "Parts of a text; positions count characters from 0.",
		Examples:   []Example{{Expr: `doc.filename.substring(4, 8)`, Result: `"0042"`}, {Expr: `" 1 118 ".trim().replace(" ", "")`, Result: `"1118"`}},
	},
	{
		Name: "map, filter", Group: "CEL", Signatures: []string{"list.map(x, value) -> list", "list.filter(x, condition) -> list"},
		Doc: "A list of one value for each element, or of the elements for which a condition holds.",
		Examples: []Example{
			{Expr: `[1, 2, 3].filter(n, n > 1).map(n, n * 10)`, Result: `[20,30]`},
			{Expr: `source.lines.map(l, l.sku)`, Result: `["B6","N6"]`, OfSource: true},
		},
	},
	{
		Name: "exists, all, exists_one", Group: "CEL", Signatures: []string{"list.exists(x, condition) -> bool", "list.all(x, condition) -> bool"},
		Doc:      "Whether a condition holds for any, for every or for exactly one element.",
		Examples: []Example{{Expr: `doc.fields().exists(f, f.confidence != null && f.confidence < 0.7)`, Result: `true`}},
	},
	{
		Name: "sortBy, distinct, flatten", Group: "CEL", Signatures: []string{"list.sortBy(x, key) -> list", "list.distinct() -> list", "list.flatten() -> list"},
		Doc:      "A list sorted, without duplicates, or with the elements of the lists in it.",
		Examples: []Example{{Expr: `["b", "a", "b"].distinct().sortBy(s, s)`, Result: `["a","b"]`}, {Expr: `[[1], [2, 3]].flatten()`, Result: `[1,2,3]`}},
	},
	{
		Name: "transformList, transformMap, transformMapEntry", Group: "CEL", Signatures: []string{"list.transformMapEntry(i, x, {key: value}) -> map", "map.transformList(k, v, value) -> list"},
		Doc: "Lists and maps made of maps and lists. A map keeps the order of its members.",
		Examples: []Example{
			{Expr: `doc.resultParameters.filter(f, f.value != null).transformMapEntry(i, f, {f.name: f.value})`,
				Result: `{"Total":"1 118.40","Invoice date":"25/12/2025","Supplier":"Rosenthal","PO number":"PO-7"}`},
		},
	},
	{
		Name: "cel.bind", Group: "CEL", Signatures: []string{"cel.bind(name, value, expression) -> any"},
		Doc:      "A name for a value that is used more than once.",
		Examples: []Example{{Expr: `cel.bind(total, number(doc.field("Total")), {"net": round(total / 1.15, 2), "gross": total})`, Result: `{"net":972.52,"gross":1118.4}`}},
	},
	{
		Name: "duration, timestamp", Group: "CEL", Signatures: []string{"duration(text string) -> duration", "timestamp(text string) -> timestamp"},
		Doc:      "A time span (\"90m\", \"1.00:00:00\", \"P1D\", as in settings) and a moment in RFC 3339; they can be added, subtracted and compared.",
		Examples: []Example{{Expr: `timestamp("2026-01-05T07:30:00Z") + duration("36h")`, Result: `"2026-01-06T19:30:00.000Z"`}},
	},
	{
		Name: "?.", Group: "CEL", Signatures: []string{"x.?member.orValue(other)"},
		Doc: "The member of a value that may be null or lack it, with another value for that case.",
		Examples: []Example{
			{Expr: `source.?note.orValue("-")`, Result: `"-"`, OfSource: true},
		},
	},
}
