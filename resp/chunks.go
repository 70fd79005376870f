package resp

// Replies of many megabytes. A long reply is cut into chunks as it grows: B would be
// copied each time it doubles, and its last copy would keep up to twice the memory.

// cutSpare is the part of a piece that is kept free for what is written before the next
// Cut.
const cutSpare = 8

// Cut puts B aside if it holds at least size bytes, and goes on with an empty one.
// Afterwards B is only the end of the replies: Take has them all.
func (w *Writer) Cut(size int) {
	if len(w.B) < size {
		return
	}
	w.chunks = append(w.chunks, w.B)
	w.cut += len(w.B)
	w.B = make([]byte, 0, size+size/cutSpare)
}

// VerbatimParts appends a verbatim string of three letters of format, in RESP2 a bulk
// string, whose text is that of the parts, one behind the other. It cuts the replies
// into chunks of about size bytes.
func (w *Writer) VerbatimParts(ext string, parts [][]byte, size int) {
	total := 0
	for _, part := range parts {
		total += len(part)
	}
	if w.Proto != 3 {
		w.B = appendHead(w.B, '$', int64(total))
	} else {
		w.B = append(append(appendHead(w.B, '=', int64(total+len(ext)+1)), ext...), ':')
	}
	for _, part := range parts {
		w.B = append(w.B, part...)
		w.Cut(size)
	}
	w.B = append(w.B, '\r', '\n')
}

// Size returns the bytes of the replies so far.
func (w *Writer) Size() int { return w.cut + len(w.B) }

// Take returns the replies, in pieces if they were cut, which are the caller's, and
// leaves none.
func (w *Writer) Take() (pieces [][]byte) {
	pieces = append(w.chunks, w.B)
	w.chunks, w.cut, w.B = nil, 0, nil
	return pieces
}

// Move appends the replies of from, which keeps none.
func (w *Writer) Move(from *Writer) {
	if from.cut == 0 {
		w.B = append(w.B, from.B...)
		from.B = nil
		return
	}
	if len(w.B) > 0 {
		w.chunks = append(w.chunks, w.B)
		w.cut += len(w.B)
	}
	w.chunks = append(w.chunks, from.chunks...)
	w.cut += from.cut
	w.B = from.B
	from.chunks, from.cut, from.B = nil, 0, nil
}

// setInChunk writes a header, whose place was reserved at a byte of the replies, into
// the chunk that this has gone to.
func (w *Writer) setInChunk(at int, head []byte) {
	i, end := 0, len(w.chunks[0])
	for at >= end {
		i++
		end += len(w.chunks[i])
	}
	old := w.chunks[i]
	at -= end - len(old)
	chunk := make([]byte, 0, len(old)+len(head)-deferredSize)
	chunk = append(append(append(chunk, old[:at]...), head...), old[at+deferredSize:]...)
	w.chunks[i] = chunk
	w.cut += len(chunk) - len(old)
}
