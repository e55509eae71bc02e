package csharp

type nodeKind int

const (
	nodeInt nodeKind = iota
	nodeReal
	nodeString
	nodeChar
	nodeBool
	nodeNull
	nodeInterpolated // parts
	nodeName         // text
	nodeMember       // x.text
	nodeIndex        // x[args]
	nodeCall         // x(args)
	nodeUnary        // text x
	nodeBinary       // x text args[0]
	nodeTernary      // x ? args[0] : args[1]
	nodeCast         // (text) x
	nodeAnonymous    // new { names[i] = args[i] }
	nodeArray        // new[] { args }; text is the element type or ""
	nodeLambda       // text => x
	nodeIsNull       // x is null; text is "not" for is not null
	nodeSafe         // x?.rest: args[0] is the rest, which starts with a nodeReceiver
	nodeReceiver     // what is before ?.
)

// node is a piece of syntax. at and end are byte offsets of the text to show in a fault.
type node struct {
	kind    nodeKind
	at, end int
	text    string
	value   any
	long    bool
	x       *node
	args    []*node
	names   []name
	parts   []part
}

// name is a member of an anonymous object. given is false for an inferred name.
type name struct {
	text    string
	at, end int
}

// part is a piece of an interpolated string: literal text, or an expression with alignment and
// format.
type part struct {
	literal   string
	x         *node
	align     int
	format    string
	hasFormat bool
	formatAt  int
}

// declaration is var name = x. typ may also be the name of a type.
type declaration struct {
	typ, name string
	at, end   int
	x         *node
}

// script is the code of a body.
type script struct {
	declared []declaration
	result   *node
	dropped  []problem // logger lines
}

// start is the start of the whole expression. A member's at is that of its name.
func (n *node) start() int {
	for n.kind == nodeMember || n.kind == nodeCall || n.kind == nodeIndex {
		n = n.x
	}
	return n.at
}
