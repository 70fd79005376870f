package server

import (
	"os"
	"path"
	"sort"
	"strings"
)

// include reads the files that an include directive names, relative to the
// working directory of the moment. A pattern stands for all files that it
// matches, in the order of their paths, and for none if there are none.
//
// COMPAT: include-lines: Redis glues the last line of a file without a line end
// to the first line of the next. COMPAT: config-directory: Redis takes a
// directory for an empty file; only one that a pattern happens to match is here.
func include(pattern string) ([]byte, error) {
	if !strings.ContainsAny(pattern, "*?[") {
		text, err := os.ReadFile(pattern)
		if err != nil {
			return nil, cannotOpen(pattern, err)
		}
		return text, nil
	}
	var text []byte
	for _, name := range globPaths(pattern) {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, cannotOpen(name, err)
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		text = append(text, b...)
	}
	return text, nil
}

// globPaths returns the paths that match a pattern of glob(3), sorted. It
// differs from path/filepath.Glob in what people write into configuration
// files: [!a] negates, a wildcard does not match a dot at the start of a name,
// and a bracket that is not closed stands for itself.
func globPaths(pattern string) []string {
	found := []string{""}
	if strings.HasPrefix(pattern, "/") {
		found[0] = "/"
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(pattern, "/"), "/") {
		var next []string
		for _, dir := range found {
			next = append(next, globIn(dir, part)...)
		}
		found = next
	}
	sort.Strings(found)
	return found
}

// globIn returns the entries of a directory ("" is the working one) that match
// one part of a pattern, each as a path.
func globIn(dir, part string) []string {
	if dir != "" && !strings.HasSuffix(dir, "/") {
		dir += "/"
	}
	if !strings.ContainsAny(part, "*?[\\") {
		if _, err := os.Lstat(dir + part); err != nil {
			return nil
		}
		return []string{dir + part}
	}
	entries, err := os.ReadDir(dirOrHere(dir))
	if err != nil {
		return nil // unreadable is as good as empty to glob(3)
	}
	var found []string
	for _, e := range entries {
		if name := e.Name(); matchName(part, name) {
			found = append(found, dir+name)
		}
	}
	return found
}

func dirOrHere(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// matchName is fnmatch(3) for one name of a directory.
func matchName(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	ok, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), name)
	if err != nil {
		return pattern == name
	}
	return ok
}
