// Package expr is the language of conditions, templates and bodies: CEL, typed on the domain, with
// functions for what integrators do with documents. It knows no webhook, does no I/O and reads no
// clock but to end what takes too long; the time that expressions see is an argument.
//
// Two rooms below it serve it: value is what expressions work on, library how functions are
// declared and which every expression has. More functions are handed in by [With]: a language that
// is translated into this one brings its own.
//
// Null stays null: a member that is not set is null, comparing it with null is allowed everywhere,
// and calculating with it is an error that names the expression that is null. Nothing reads as ""
// or 0 in its place.
//
// Whatever an integrator writes ends: a [Vars] gives all its expressions together about one second,
// a number of steps and 16 MiB of output; the text of an expression is bounded when it is compiled.
//
// Start at [Compile], [SubjectVars] and [Program.Eval]; [ParseTemplate] finds expressions in text,
// [Program.Explain] says what a condition saw. env.go lists the variables.
package expr
