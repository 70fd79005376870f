//go:build !unix

package feed

func cpuTime() int64 { return -1 }
