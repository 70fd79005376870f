package snapshot

import "encoding/binary"

// Run gives the keys to the sink until all have come: the caller is the encoder. It
// returns the first error of the sink, or the reason of Cancel; the snapshot is
// cancelled then. It is called once.
func (s *Snapshot) Run(sink Sink) error {
	open := false // a key has come in part
	for {
		b, part, closed, err := s.next(open)
		switch {
		case err != nil:
			return err
		case b == nil && closed:
			return nil
		case b == nil:
			<-s.wake
			continue
		}
		open, err = give(sink, b)
		s.recycle(b, part)
		if err != nil {
			s.Cancel(err)
			return err
		}
	}
}

// next takes a chunk from the queues, nil if there is none: the rest of a key in parts
// that is open, before all else. closed tells that none will come.
func (s *Snapshot) next(open bool) (b []byte, part, closed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.queue
	if len(s.parts) > 0 {
		q = &s.parts
	} else if open || len(s.queue) == 0 {
		return nil, false, s.closed, s.reason
	}
	b = (*q)[0]
	(*q)[0] = nil
	*q = (*q)[1:]
	return b, q == &s.parts, false, s.reason
}

// give gives the keys of a chunk to the Sink. It reports whether the last one goes on
// in another chunk.
func give(sink Sink, b []byte) (open bool, err error) {
	for len(b) > 0 {
		word := binary.LittleEndian.Uint32(b)
		n := binary.LittleEndian.Uint64(b[4:])
		open = word&moreBit != 0
		if err = sink.Keys(int(word&^moreBit), b[head:head+n], open); err != nil {
			break
		}
		b = b[head+n:]
	}
	return open, err
}

// recycle takes a chunk back that has been dealt with.
func (s *Snapshot) recycle(b []byte, part bool) {
	s.queued.Add(-int64(len(b)))
	if part {
		s.inParts.Add(-int64(len(b)))
	}
	s.mu.Lock()
	if len(s.spares) < sparesMax && cap(b) < 2*chunkBytes {
		s.spares = append(s.spares, b[:0])
	}
	s.mu.Unlock()
	if s.waiting() < walkAhead/2 {
		signal(s.drained)
	}
}

// empty forgets what is in the queues.
func (s *Snapshot) empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.queue {
		s.queued.Add(-int64(len(b)))
	}
	for _, b := range s.parts {
		s.queued.Add(-int64(len(b)))
		s.inParts.Add(-int64(len(b)))
	}
	s.queue, s.parts, s.spares = nil, nil, nil
	signal(s.drained)
}
