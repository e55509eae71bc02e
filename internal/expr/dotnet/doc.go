// Package dotnet writes and reads numbers, dates and durations as .NET 8 does: people who come from
// the platform write .NET format strings, and what their endpoints receive must not change. Where
// the .NET Framework, mono or older .NET Core differ, .NET 8 on Linux wins; the rows of
// testdata/corpus.json that say "differs" list such places.
//
// It must not know expressions or documents. Its errors never hold the text that was to be read,
// because they may go where document values must not; a format may be quoted, for it is the
// integrator's own.
//
// Start at culture.go for what differs between languages, number.go and moment.go for writing,
// readnumber.go and readmoment.go for reading what OCR found.
package dotnet
