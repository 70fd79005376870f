package snapshot

import "encoding/binary"

// encode gives what is in the queue to the Sink until all is done. It is the one
// goroutine of a snapshot.
func (s *Snapshot) encode() {
	if s.opt.Begin != nil {
		s.opt.Begin()
	}
	err := s.drain()
	if err != nil {
		s.Cancel(err)
		err = s.reason
	}
	s.opt.Sink.End(err)
	s.err = err
	s.discard()
	close(s.done)
}

// drain gives chunks to the Sink until there will be no more, or something is wrong.
func (s *Snapshot) drain() error {
	for {
		b, closed, err := s.next()
		switch {
		case err != nil:
			return err
		case b == nil && closed:
			return nil
		case b == nil:
			<-s.wake
			continue
		}
		err = s.give(b)
		s.recycle(b)
		if err != nil {
			return err
		}
	}
}

// next takes a chunk from the queue, nil if there is none. closed tells that none
// will come.
func (s *Snapshot) next() (b []byte, closed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != nil {
		return nil, false, s.reason
	}
	if len(s.queue) == 0 {
		return nil, s.closed, nil
	}
	b = s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	return b, false, nil
}

// give gives the keys of a chunk to the Sink.
func (s *Snapshot) give(b []byte) error {
	for len(b) > 0 {
		db := int(binary.LittleEndian.Uint32(b))
		n := binary.LittleEndian.Uint64(b[4:])
		if err := s.opt.Sink.Keys(db, b[head:head+n], false); err != nil {
			return err
		}
		b = b[head+n:]
	}
	return nil
}

// recycle takes a chunk back that has been dealt with.
func (s *Snapshot) recycle(b []byte) {
	s.queued.Add(-int64(len(b)))
	s.mu.Lock()
	if len(s.spares) < sparesMax && cap(b) < 2*chunkBytes {
		s.spares = append(s.spares, b[:0])
	}
	s.mu.Unlock()
	signal(s.drained)
}

// discard waits for the walk to end and forgets what it has still given.
func (s *Snapshot) discard() {
	for {
		s.mu.Lock()
		for _, b := range s.queue {
			s.queued.Add(-int64(len(b)))
		}
		s.queue, s.spares = nil, nil
		closed := s.closed
		s.mu.Unlock()
		signal(s.drained)
		if closed {
			return
		}
		<-s.wake
	}
}
