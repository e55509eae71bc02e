// Package expr is the language of conditions, templates and bodies: CEL, typed on the domain, with
// functions for work with documents. It knows no webhook and does no I/O. It reads the clock only
// to end what takes too long; the time that expressions see is an argument.
//
// Two rooms below it serve it. Package value is what expressions work on, package library the
// functions that every expression has. [With] adds functions: a language that is translated into
// this one brings its own.
//
// Null stays null: an unset member is null, never "" or 0. Comparing null is always allowed.
// Calculating with null is an error that names the null expression.
//
// Every expression ends. All expressions of one [Vars] share about one second, a number of steps
// and 16 MiB of output, and [Compile] bounds their texts.
//
// Start at [Compile], [SubjectVars] and [Program.Eval]. [ParseTemplate] finds expressions in text,
// [Program.Explain] says what a condition saw, env.go lists the variables.
package expr
