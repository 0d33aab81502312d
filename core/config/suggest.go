package config

import "iter"

// Suggest gives the end of a sentence on an unknown name: the known one that may have been meant, or nothing.
func Suggest(name string, names iter.Seq[string]) string {
	best, distance := "", 3
	for known := range names {
		if d := edits(name, known); d < distance || d == distance && best != "" && known < best {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// edits is the Levenshtein distance of two keys; long ones are not worth comparing.
func edits(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
