// Package value is what expressions work on: the entities of the root as CEL sees them, ordered
// maps, JSON and XML from outside, and the JSON and text of all of these. It knows neither
// expressions nor functions, does no I/O and reads no clock.
//
// Null stays null: an unset member is null, and so is every member of a missing entity.
//
// Start at [Memory], which makes values of entities and remembers them for one evaluation, then
// read [Object] and [Map]. types.go makes types of the structs of the root. limits.go bounds the
// size of values. [Value] is the result of an expression.
package value
