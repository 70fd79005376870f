//go:build !linux

// Command bench measures kvorum side by side with a peer. It reads /proc and
// drives its connections through epoll, so it runs on Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: needs Linux (/proc and epoll)")
	os.Exit(2)
}
