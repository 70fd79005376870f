package server

import (
	"io"
	"time"

	"kvorum/vfs"
)

// SetDisk puts the data on another file system, and says how long the log waits after
// an error before it tries again. For tests; before Run.
func (s *Server) SetDisk(fsys vfs.FS, retry time.Duration) {
	s.persist.fs, s.aof.retry = fsys, retry
}

// SetLagMax bounds the bytes that may wait for the disk before writes are refused. For
// tests; before Run.
func (s *Server) SetLagMax(bytes int64) { s.aof.lagMax = bytes }

// loadLog loads the append-only log when the server starts, and opens it.
func (s *Server) loadLog() error {
	p := s.newReplay(false)
	err := s.loadAOF(p)
	p.close()
	if err != nil {
		return err
	}
	return s.aof.open(s.endRetrace(p))
}

// loadRDBFrom loads the snapshot that a file of the log begins with, and returns where
// it ends. Keys that are due stay: the log says itself when they are gone.
func (s *Server) loadRDBFrom(f vfs.File, name string, exclusive bool, progress *loadProgress) (end int64, err error) {
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	l := s.newLoader(io.NewSectionReader(f, 0, size), name, loadOptions{exclusive: exclusive, keepDue: true}, progress)
	if err := l.run(); err != nil {
		l.explain(err)
		return 0, err
	}
	return l.scan.Offset(), nil
}
