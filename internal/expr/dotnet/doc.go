// Package dotnet writes and reads numbers, dates and durations as .NET 8 on Linux does. People from
// the platform write .NET format strings, and what their endpoints receive must not change. Rows of
// testdata/corpus.json with "differs" list where the .NET Framework, mono or older .NET Core
// differ.
//
// It must not know expressions or documents. Its errors never hold the text that was read, because
// errors may go where document values must not. They may quote a format, which the integrator
// wrote.
//
// Start at culture.go for the differences between languages, number.go and moment.go for writing,
// readnumber.go and readmoment.go for reading the output of OCR.
package dotnet
