package netloop

import "math"

const (
	chunkSize  = 16 << 10 // chunks that collect small Sends
	chunksKeep = 64       // free chunks a loop keeps
	queuesKeep = 64       // free queues a loop keeps
	stealMin   = 64 << 10 // replies from this size on are queued without a copy
	batchMax   = 64       // chunks of one gathered write
	shareMin   = 512      // shared bytes from this size on are queued without a copy
	chunkBytes = 32       // of an entry in outQueue.chunks
)

// outQueue is output that the socket has not taken, oldest first.
type outQueue struct {
	chunks   []chunk
	head     int // chunks before it are written
	offset   int // bytes of chunks[head] that are written already
	size     int // unwritten bytes
	capacity int // memory behind chunks, of shared ones the queue's part
	drained  func()
}

// chunk is a piece of output.
type chunk struct {
	b      []byte
	mem    int32 // what it counts for in outQueue.capacity
	shared bool  // others read the same bytes
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
	for _, c := range q.chunks[q.head:] {
		l.putChunk(c)
	}
	clear(q.chunks)
	q.chunks, q.head, q.offset, q.size, q.capacity = q.chunks[:0], 0, 0, 0, 0
	if q.drained != nil {
		l.Post(q.drained)
		q.drained = nil
	}
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
func (l *Loop) putChunk(c chunk) {
	if cap(c.b) == chunkSize && !c.shared && len(l.chunks) < chunksKeep {
		l.chunks = append(l.chunks, c.b[:0])
	}
}

// add copies b to the end of the queue.
func (q *outQueue) add(l *Loop, b []byte) {
	q.size += len(b)
	if n := len(q.chunks); n > q.head && !q.chunks[n-1].shared {
		last := &q.chunks[n-1].b
		fits := min(cap(*last)-len(*last), len(b))
		*last = append(*last, b[:fits]...)
		b = b[fits:]
	}
	if len(b) == 0 {
		return
	}
	var room []byte
	if len(b) <= chunkSize {
		room = l.takeChunk()
	} else {
		room = make([]byte, 0, len(b))
	}
	q.put(append(room, b...))
}

// give adds b, which is the queue's from now on.
func (q *outQueue) give(b []byte) {
	q.size += len(b)
	q.put(b)
}

func (q *outQueue) put(b []byte) {
	q.chunks = append(q.chunks, chunk{b: b, mem: int32(min(cap(b), math.MaxInt32))})
	q.capacity += int(q.chunks[len(q.chunks)-1].mem)
}

// share adds b, which nobody changes any more and owners queues have a part of.
//
// COMPAT: shared-messages: they count in part, as they are there once.
func (q *outQueue) share(b []byte, owners int) {
	q.size += len(b)
	mem := int32(min(len(b)/max(owners, 1), math.MaxInt32-chunkBytes)) + chunkBytes
	q.chunks = append(q.chunks, chunk{b: b, mem: mem, shared: true})
	q.capacity += int(mem)
}

// gather appends the unwritten parts of the oldest batchMax chunks to dst.
// They are borrowed; their bytes do not change, later Sends go behind them.
func (q *outQueue) gather(dst [][]byte) [][]byte {
	offset := q.offset
	for _, c := range q.chunks[q.head:min(len(q.chunks), q.head+batchMax)] {
		dst = append(dst, c.b[offset:])
		offset = 0
	}
	return dst
}

// advance drops the n oldest bytes.
func (q *outQueue) advance(l *Loop, n int) {
	q.size -= n
	n += q.offset
	for q.head < len(q.chunks) && n >= len(q.chunks[q.head].b) {
		c := &q.chunks[q.head]
		n -= len(c.b)
		q.capacity -= int(c.mem)
		l.putChunk(*c)
		*c = chunk{}
		q.head++
	}
	q.offset = n
	if q.head > len(q.chunks)/2 { // so that moving the rest costs less than writing what went
		rest := copy(q.chunks, q.chunks[q.head:])
		clear(q.chunks[rest:])
		q.chunks, q.head = q.chunks[:rest], 0
	}
}
