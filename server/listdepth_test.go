package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"kvorum/server/servertest"
)

// What could break: a setting that does not reach the commands, or what they read of a
// list whose inner nodes are packed strings.
func TestListCompressDepth(t *testing.T) {
	srv := servertest.Start(t, "enable-debug-command yes")
	c := srv.Dial()
	const n = 3000
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("what stands in each element, and %d", i)
	}
	usage := func(key string) int {
		size, err := strconv.Atoi(strings.TrimPrefix(c.Do("MEMORY", "USAGE", key, "SAMPLES", "0"), ":"))
		if err != nil {
			t.Fatal(err)
		}
		return size
	}
	for depth, key := range []string{"plain", "pressed", "pressed at two"} {
		c.Want("+OK", "CONFIG", "SET", "list-compress-depth", strconv.Itoa(depth))
		c.Do(append([]string{"RPUSH", key}, words...)...)
	}
	plain := usage("plain")
	if one, two := usage("pressed"), usage("pressed at two"); one >= two || two*2 >= plain {
		t.Errorf("the list takes %d bytes, %d at depth 1, %d at depth 2", plain, one, two)
	}
	c.Do("COPY", "pressed", "copy")
	if got, want := usage("copy"), usage("pressed"); got != want {
		t.Errorf("the copy takes %d bytes instead of %d", got, want)
	}
	for i := 0; i < n; i += 37 {
		c.Want(strconv.Quote(words[i]), "LINDEX", "pressed", strconv.Itoa(i))
		c.Want(":"+strconv.Itoa(i), "LPOS", "pressed", words[i])
		c.Want(":"+strconv.Itoa(i), "LPOS", "pressed", words[i], "RANK", "-1")
	}
	digest := c.Do("DEBUG", "DIGEST-VALUE", "plain")
	for _, key := range []string{"pressed", "pressed at two", "copy"} {
		c.Want(digest, "DEBUG", "DIGEST-VALUE", key)
	}
	if got := c.Do("DEBUG", "OBJECT", "pressed"); !strings.Contains(got, "ql_compressed:1") {
		t.Errorf("DEBUG OBJECT: %s", got)
	}
	c.Want("+OK", "DEBUG", "RELOAD")
	if got := usage("plain"); got*2 >= plain {
		t.Errorf("at depth 2 the list takes %d bytes after loading, and took %d", got, plain)
	}
	for _, key := range []string{"plain", "pressed", "pressed at two", "copy"} {
		c.Want(digest, "DEBUG", "DIGEST-VALUE", key)
	}
	c.Want("+OK", "DEBUG", "MEMCHECK")
}
