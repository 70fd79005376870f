package conformance

import (
	"bytes"
	"slices"
	"strings"

	"kvorum/resp"
)

// Words and rules for SORT.

var (
	sortKeyPool = slices.Concat(listKeyPool, setKeyPool, zsetKeyPool)
	sortByPool  = []string{"nosort", "k*", "k*", "hash*->a", "hash*->field", "num", "", "#", "*", "->*", "k*->", "hash*->-1", "\x00*"}
	sortGetPool = []string{"#", "#", "k*", "k*", "hash*->a", "hash*->field", "hash*->1", "nokey", "", "*", "zset*", "k*->x", "list*", "#\x00"}
)

func isSort(args []string) bool {
	return strings.EqualFold(args[0], "sort") || strings.EqualFold(args[0], "sort_ro")
}

// has reports whether a word is among the options of a request.
func has(args []string, option string) bool {
	return slices.ContainsFunc(args[1:], func(arg string) bool { return strings.EqualFold(arg, option) })
}

// byKeys reports whether a SORT has a pattern of weights.
func byKeys(args []string) bool {
	for i := 2; i < len(args); i++ {
		if pattern, _, _ := strings.Cut(args[i], "\x00"); strings.EqualFold(args[i-1], "by") && strings.Contains(pattern, "*") {
			return true
		}
	}
	return false
}

// safeSort reports whether what a SORT stores does not depend on the order of a
// table, nor on sortErrno.
func safeSort(args []string) bool {
	return !isSort(args) || !has(args, "store") || has(args, "alpha") && !byKeys(args)
}

// sortErrno: once a number was out of range, whatever the command, Redis finds the
// scores of any SORT bad until something else has gone wrong in another way.
const sortErrno = "-ERR One or more scores can't be converted into double"

// sortRule returns how replies to a SORT may differ, nil if they must not.
func sortRule(args []string, theirs []byte) func(ours, theirs resp.Value) bool {
	switch {
	case bytes.HasPrefix(theirs, []byte(sortErrno)):
		return func(ours, _ resp.Value) bool { return !ours.IsError() }
	case has(args, "by") && !byKeys(args), has(args, "alpha"):
		return sameShape // sets have their own order, and equal texts are in it
	}
	return nil
}
