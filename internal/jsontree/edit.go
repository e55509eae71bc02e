package jsontree

// Set sets a member of an object. It replaces the member that [Node.Member] finds, or appends one.
// An absent value becomes null.
func (n *Node) Set(name string, value *Node) {
	if m := n.Member(name); m != nil {
		m.become(value)
		return
	}
	n.add(string(AppendString(nil, name)), value)
}

// Remove removes all members of a name, in any case.
func (n *Node) Remove(name string) {
	wanted := Fold(name)
	n.filter(func(m *Node) bool { return Fold(m.Name()) != wanted })
}

// Merge applies a JSON Merge Patch (RFC 7396) to an object: null removes a member, an object is
// merged, anything else replaces. Names match as in [Node.Member]. The members of n keep their
// order and spelling; new ones follow. The patch is not changed.
func (n *Node) Merge(patch *Node) {
	if n.Kind() != Object || patch.Kind() != Object {
		return
	}
	exact, folded := map[string]*Node{}, map[string]*Node{}
	for _, m := range n.Members() {
		exact[m.Name()] = m
		if key := Fold(m.Name()); folded[key] == nil {
			folded[key] = m
		}
	}
	targets := map[*Node]*Node{}   // by change
	counting := map[*Node]member{} // by target: the change that applies
	changes := patch.Members()
	for _, change := range changes {
		name := change.Name()
		target := exact[name]
		if target == nil {
			target = folded[Fold(name)]
		}
		if target != nil {
			found := counting[target]
			found.offer(change, name, target.Name())
			targets[change], counting[target] = target, found
		}
	}
	gone := map[string]bool{}
	for _, change := range changes {
		switch target := targets[change]; {
		case target == nil && !change.IsNull():
			n.add(change.key, merged(change))
		case target == nil || counting[target].node != change:
		case change.IsNull():
			gone[target.Name()] = true
		case target.kind == Object && change.kind == Object:
			target.Merge(change)
		default:
			target.become(merged(change))
		}
	}
	if len(gone) > 0 {
		n.filter(func(m *Node) bool { return !gone[m.Name()] })
	}
}

// merged applies a patch to nothing: the patch without the members that are null.
func merged(patch *Node) *Node {
	if patch.kind != Object {
		return patch
	}
	made := &Node{kind: Object}
	made.Merge(patch)
	return made
}

// become gives a node the value of another, or null, in its position.
func (n *Node) become(value *Node) {
	if value == nil {
		value = &Node{}
	}
	n.kind, n.raw, n.first, n.last = value.kind, value.raw, value.first, value.last
}

func (n *Node) add(key string, value *Node) {
	m := &Node{key: key}
	m.become(value)
	n.link(m)
}

// link appends a node.
func (n *Node) link(child *Node) {
	if n.last == nil {
		n.first = child
	} else {
		n.last.next = child
	}
	n.last = child
}

// filter removes the members or items that keep refuses.
func (n *Node) filter(keep func(*Node) bool) {
	at := n.first
	n.first, n.last = nil, nil
	for at != nil {
		next := at.next
		if at.next = nil; keep(at) {
			n.link(at)
		}
		at = next
	}
}
