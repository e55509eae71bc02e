// Package forgehook holds the words of Forgehook: documents and what hangs on them, webhook settings, calls and attempts,
// and the errors that a caller may see.
//
// It is data and its rules of shape only: no I/O, no clock, no expression language, so that the Go client and workflow code
// can import it at no cost. Start with [Document] (what a call is about), [Settings] (what an integrator sets) and [Call]
// (what a caller gets back). The names are the document platform's own.
package forgehook
