package strcmd

import (
	"kvorum/command"
	"kvorum/object"
)

var getrangeSpec = rangeRow(command.Spec{
	Name: "getrange", Since: "2.4.0",
	Summary: "Reads a part of the string stored under a key, given by its first and last byte.",
})

var substrSpec = rangeRow(command.Spec{
	Name: "substr", Since: "1.0.0",
	Summary:    "Reads a part of the string stored under a key: the old name of GETRANGE.",
	Deprecated: "2.0.0", ReplacedBy: "`GETRANGE`",
})

// rangeRow completes the row of GETRANGE and of its old name.
func rangeRow(s command.Spec) *command.Spec {
	s.Group = "string"
	s.Complexity = "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings."
	s.Arity, s.Flags, s.Categories = 4, command.ReadOnly, command.CatString
	s.Keys = keyRead
	s.Args = []command.Arg{argKey, {Name: "start", Type: "integer"}, {Name: "end", Type: "integer"}}
	s.Handler = getrange
	return &s
}

func getrange(c *command.Ctx) {
	start, ok := c.Int(2)
	if !ok {
		return
	}
	end, ok := c.Int(3)
	if !ok {
		return
	}
	e := c.Read(0)
	if !isString(c, e) {
		return
	}
	var s []byte
	if e.OK() {
		s = object.StringView(e.Rec, c.Scratch[:])
	}
	c.W.Bulk(cut(s, start, end))
}

// cut returns the bytes start to end of s, end included; negative ones count
// from the end of s.
func cut(s []byte, start, end int64) []byte {
	size := int64(len(s))
	if start < 0 && end < 0 && start > end {
		return nil
	}
	if start < 0 {
		start = max(start+size, 0)
	}
	if end < 0 {
		end = max(end+size, 0)
	}
	end = min(end, size-1)
	if start > end {
		return nil
	}
	return s[start : end+1]
}
