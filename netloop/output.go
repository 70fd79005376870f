package netloop

const (
	chunkSize  = 16 << 10 // chunks that collect small Sends
	chunksKeep = 64       // free chunks a loop keeps
	queuesKeep = 64       // free queues a loop keeps
	stealMin   = 64 << 10 // replies from this size on are queued without a copy
	batchMax   = 64       // chunks of one gathered write
)

// outQueue is output that the socket has not taken, oldest first.
type outQueue struct {
	chunks   [][]byte
	offset   int // bytes of the first chunk that are written already
	size     int // unwritten bytes
	capacity int // memory behind chunks
}

// takeQueue returns an empty queue.
func (l *Loop) takeQueue() *outQueue {
	if n := len(l.queues); n > 0 {
		q := l.queues[n-1]
		l.queues = l.queues[:n-1]
		return q
	}
	return &outQueue{}
}

// putQueue takes a queue back that is not used any more.
func (l *Loop) putQueue(q *outQueue) {
	for _, chunk := range q.chunks {
		l.putChunk(chunk)
	}
	clear(q.chunks)
	q.chunks, q.offset, q.size, q.capacity = q.chunks[:0], 0, 0, 0
	if len(l.queues) < queuesKeep && cap(q.chunks) <= batchMax {
		l.queues = append(l.queues, q)
	}
}

// takeChunk returns an empty chunk.
func (l *Loop) takeChunk() []byte {
	if n := len(l.chunks); n > 0 {
		chunk := l.chunks[n-1]
		l.chunks = l.chunks[:n-1]
		return chunk
	}
	return make([]byte, 0, chunkSize)
}

// putChunk takes a chunk back.
func (l *Loop) putChunk(chunk []byte) {
	if cap(chunk) == chunkSize && len(l.chunks) < chunksKeep {
		l.chunks = append(l.chunks, chunk[:0])
	}
}

// add copies b to the end of the queue.
func (q *outQueue) add(l *Loop, b []byte) {
	q.size += len(b)
	if n := len(q.chunks); n > 0 {
		last := q.chunks[n-1]
		fits := min(cap(last)-len(last), len(b))
		q.chunks[n-1] = append(last, b[:fits]...)
		b = b[fits:]
	}
	if len(b) == 0 {
		return
	}
	var chunk []byte
	if len(b) <= chunkSize {
		chunk = l.takeChunk()
	} else {
		chunk = make([]byte, 0, len(b))
	}
	q.capacity += cap(chunk)
	q.chunks = append(q.chunks, append(chunk, b...))
}

// give adds b, which is the queue's from now on.
func (q *outQueue) give(b []byte) {
	q.size += len(b)
	q.capacity += cap(b)
	q.chunks = append(q.chunks, b)
}

// gather appends the unwritten parts of the oldest batchMax chunks to dst.
// They are borrowed; their bytes do not change, later Sends go behind them.
func (q *outQueue) gather(dst [][]byte) [][]byte {
	dst = append(dst, q.chunks[0][q.offset:])
	return append(dst, q.chunks[1:min(len(q.chunks), batchMax)]...)
}

// advance drops the n oldest bytes.
func (q *outQueue) advance(l *Loop, n int) {
	q.size -= n
	n += q.offset
	done := 0
	for done < len(q.chunks) && n >= len(q.chunks[done]) {
		n -= len(q.chunks[done])
		q.capacity -= cap(q.chunks[done])
		l.putChunk(q.chunks[done])
		done++
	}
	q.offset = n
	if done > 0 {
		rest := copy(q.chunks, q.chunks[done:])
		clear(q.chunks[rest:])
		q.chunks = q.chunks[:rest]
	}
}
