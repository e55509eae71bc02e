package csharp

const hintNested = "the code is nested too deeply: put parts of it into var name = ...; before the return"

const hintAssignment = "assignments and ++ are not translated: a body reads the document, it does not change it. Write var name = ...; once for each value"

// refusedWords are C#'s words that start untranslated code, with what to write instead.
var refusedWords = map[string]string{
	"for":        hintLoop,
	"foreach":    hintLoop,
	"while":      hintLoop,
	"do":         hintLoop,
	"if":         "if is not translated: write condition ? value : other value",
	"else":       "else is not translated: write condition ? value : other value",
	"switch":     "switch is not translated: write condition ? value : other condition ? value : value",
	"try":        "try is not translated: a body that cannot be built fails the call with the reason; use ?. and ?? where a value may be null",
	"catch":      "catch is not translated: use ?. and ?? where a value may be null",
	"throw":      "throw is not translated: use the setting condition to decide whether the webhook fires",
	"await":      "await is not translated: a body is built without waiting for anything",
	"async":      "async is not translated: a body is built without waiting for anything",
	"using":      "using with a resource is not translated",
	"lock":       "lock is not translated",
	"goto":       "goto is not translated",
	"break":      hintLoop,
	"continue":   hintLoop,
	"yield":      hintLoop,
	"class":      hintFunction,
	"record":     hintFunction,
	"struct":     hintFunction,
	"void":       hintFunction,
	"static":     hintFunction,
	"public":     hintFunction,
	"private":    hintFunction,
	"delegate":   hintFunction,
	"typeof":     "typeof is not translated",
	"sizeof":     "sizeof is not translated",
	"default":    "default is not translated: write the value, such as 0 or null",
	"checked":    "checked is not translated",
	"unchecked":  "unchecked is not translated",
	"stackalloc": "stackalloc is not translated",
	"unsafe":     "unsafe is not translated",
	"ref":        "ref is not translated",
	"out":        "out is not translated: write a CEL expression with tryNumber or tryDate",
	"const":      "write var instead of const",
	"this":       "this is not known in a body",
	"base":       "base is not known in a body",
	"nameof":     "nameof is not translated: write the name as text",
	"return":     "write return once, before the body",
	"select":     "queries are not translated: write .Where(x => ...).Select(x => ...)",
	"var":        "var name = ...; must come before the return",
}

const (
	hintLoop     = "loops are not translated: write .Where(x => ...), .Select(x => ...) or string.Join(\", \", list.Select(x => ...))"
	hintFunction = "functions and classes are not translated: write one expression"
)

// refusedClasses are .NET classes that people use, with what to write instead.
var refusedClasses = map[string]string{
	"HttpClient":         "no requests are made while a body is built: the webhook makes the one request",
	"HttpRequestMessage": "no requests are made while a body is built: the webhook makes the one request",
	"StringContent":      "return the text itself: webHook.contentType sets its type",
	"Guid":               "a body must be the same each time it is built: write call.Id, which names the call",
	"Random":             "a body must be the same each time it is built",
	"Environment":        "a body knows nothing of the machine",
	"File":               "no files are read while a body is built",
	"Path":               "write a CEL expression with baseName(doc.filename)",
	"Task":               "a body is built without waiting for anything",
	"Thread":             "a body is built without waiting for anything",
	"Console":            "nothing is printed: delete the line",
	"Regex":              "write a CEL expression with isMatch, regexFind or regexReplace",
	"Math":               "write a CEL expression with round, or math.abs and the like",
	"Convert":            "write a CEL expression with number(...), date(...) or base64(...)",
	"Encoding":           "write a CEL expression with base64(...) or sha256(...)",
	"StringBuilder":      "write $\"...\" or string.Join(\", \", list)",
	"JsonConvert":        "write JsonSerializer.Serialize(new { ... })",
	"JObject":            "write JsonSerializer.Serialize(new { Name = value })",
	"JsonObject":         "write JsonSerializer.Serialize(new { Name = value })",
	"ExpandoObject":      "write new { Name = value }",
	"Dictionary":         "write new { Name = value }",
	"List":               "write new[] { a, b } or .ToList()",
	"XElement":           "write the XML as a template with {{ }} in it",
	"DateTimeOffset":     "write DateTime.UtcNow, which is the time at which the call was accepted",
	"TimeSpan":           "write a CEL expression with duration(\"90s\")",
	"CultureInfo":        "only CultureInfo.InvariantCulture is translated: write a CEL expression with text(x, format, \"de-DE\") for another culture",
	"Enum":               "write the member, such as DocumentStatus.Processed; ToString() gives its name",
	"Activator":          "objects of classes are not made: write new { Name = value }",
	"Enumerable":         "write new[] { ... } or a list of the document, such as doc.ResultParameters",
	"context":            hintStore,
	"ctx":                hintStore,
	"db":                 hintStore,
	"dbContext":          hintStore,
	"rule":               "rule is not known here: its settings are not part of a call",
	"step":               "step is not known here",
	"stl":                "stl is not known here",
	"args":               "args is not known here",
	"Results":            "write JsonSerializer.Serialize(new { ... })",
}

const hintStore = "nothing is read from or saved to the platform while a body is built: a call carries its document, project and service"

// refusedMembers are members that people use and that no type here has.
var refusedMembers = map[string]string{
	"SaveChanges":       hintStore,
	"SaveChangesAsync":  hintStore,
	"Parse":             hintNumber,
	"TryParse":          hintNumber,
	"ParseExact":        "text becomes a date in a CEL expression: date(doc.field(\"Date\").value, \"dd/MM/yyyy\")",
	"Parameters":        "write doc.ResultParameters for the root fields, doc.GetValue(\"Name\") for one field or module.GetParameters(doc, defId)",
	"ToLocalTime":       "the server's time zone must not change a body: dates are UTC",
	"GetType":           "types are not known at run time here",
	"GetHashCode":       "hash codes differ from run to run: write a CEL expression with sha256(...)",
	"ConvertAll":        "write .Select(x => ...)",
	"ForEach":           hintLoop,
	"Add":               "lists cannot be changed: write new[] { ... } or .Select(x => ...)",
	"Append":            "write $\"...\" or string.Join(\", \", list)",
	"Aggregate":         "write string.Join(\", \", list) or .Sum(x => ...)",
	"GroupBy":           "grouping is not translated",
	"ToDictionary":      "write .Select(x => new { x.Id, x.Value }), or a CEL expression with transformMapEntry",
	"IndexOf":           "write Contains, StartsWith or EndsWith, or a CEL expression with indexOf",
	"Format":            "write $\"...{value:format}...\"",
	"Concat":            "write a + b or $\"...\"",
	"Result":            "results of tasks are not known here",
	"Single":            "write First",
	"SingleOrDefault":   "write FirstOrDefault",
	"Max":               "write .OrderByDescending(x => ...).First()",
	"Min":               "write .OrderBy(x => ...).First()",
	"Average":           "write .Sum(x => ...) / .Count()",
	"OfType":            "lists have one type here",
	"GetValueOrDefault": "write ?? and the value",
}

const hintNumber = "text becomes a number in a CEL expression: number(doc.field(\"Total\").value, \"en-US\")"
