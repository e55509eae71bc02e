//go:build !notemporal

package main

import "testing"

func TestIndexName(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]string{
		"Keyword01": "by_keyword_01", "Keyword10": "by_keyword_10", "Int03": "by_int_03", "Datetime02": "by_datetime_02",
		"KeywordList01": "", "Text01": "", "Keyword01; DROP TABLE x": "", "": "",
	} {
		if got, ok := indexName(column); got != want || ok != (want != "") {
			t.Errorf("indexName(%q) = %q, %t; want %q", column, got, ok, want)
		}
	}
}
