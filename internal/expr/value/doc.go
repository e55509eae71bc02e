// Package value is what expressions work on: the entities of the root as CEL sees them, maps that
// keep their order, JSON and XML that were read, and the JSON and text of all of these. It knows
// neither expressions nor functions, does no I/O and reads no clock.
//
// Null stays null: a member that is not set is null, and so is every member of an entity that is
// not there.
//
// Start at [Memory], which makes values of entities and remembers them for one evaluation, at
// [Object] and [Map]; types.go says how a struct of the root becomes a type, limits.go what a value
// may weigh. [Value] is one that leaves the language.
package value
