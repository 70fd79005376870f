// Command kvorum is the whole system in one binary. The first argument names the
// program to be; started under a name such as redis-server, it is that program.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"kvorum/check"
	"kvorum/server"
)

const usage = `kvorum: a Redis-compatible in-memory data store

usage: kvorum <program> [arguments]

programs:
  server    the data server (arguments of redis-server)
  check-aof check and repair an append-only log (arguments of redis-check-aof)
  check-rdb look at an RDB file (arguments of redis-check-rdb; --report)
  version   print the version

A link whose name ends in -server, -check-aof or -check-rdb is that program.
`

// byName maps the ending of the name the binary is started under to a program.
var byName = map[string]string{"-server": "server", "-check-aof": "check-aof", "-check-rdb": "check-rdb"}

func main() {
	name := filepath.Base(os.Args[0])
	for suffix, program := range byName {
		if strings.HasSuffix(name, suffix) {
			os.Exit(run(program, os.Args[1:]))
		}
	}
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(1)
	}
	os.Exit(run(os.Args[1], os.Args[2:]))
}

func run(program string, args []string) int {
	switch program {
	case "server":
		return server.Main(args)
	case "check-aof":
		return check.AOF("redis-check-aof", args, os.Stdin, os.Stdout)
	case "check-rdb":
		return check.RDB("redis-check-rdb", args, server.RedisVersion, os.Stdout, os.Stderr)
	case "version", "-v", "--version":
		fmt.Println(server.VersionLine())
		return 0
	case "help", "-h", "--help":
		fmt.Print(usage)
		return 0
	}
	fmt.Fprintf(os.Stderr, "kvorum: there is no program %q\n\n%s", program, usage)
	return 1
}
