package aof

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"

	"kvorum/vfs"
)

// The history file says of which history, in the sense of replication, the data are a
// state when so many bytes of the newest incr file have been executed. It lies beside
// the files of the log, which stay what any server writes, and is not in the manifest:
// who does not know it leaves it alone.
//
//	| head: 64 bytes, in place | identity: 1024 | mark 0 | mark 1 | ...   64 bytes each
//
//	mark       at byte Pos of the log's file the stream of history ID is at Offset;
//	           what follows up to the next mark is stream, byte for byte, but for lines
//	           of annotation
//	head       how many marks there are, where the file ends, and where it will end when
//	           the write that comes next is done
//	identity   name of the file, name and size of the base before it
//
// P1: the head is written before the bytes that it announces. P2: a mark is written
// before the head that counts it. P3: marks, head and identity carry a sum begun with the
// number of this writing of the file, so that they never go together with older ones.
// P4: marks and head have the sum of the log's file from the first mark to there.
//
// So the file is believed only if the log's file is what it says (P4), no longer than
// announced (what another server has appended is not known), and, as long as it has no
// bytes that could show it, only if names and sizes are those of the identity. After an
// error of any operation on it the file is given up. It is synced now and then only: a
// power failure that leaves it older than the log means that nothing is claimed.

const (
	historySuffix  = ".history"
	historyHead    = 64
	historyIdent   = 1024
	historyMark    = 64
	historyIDSize  = 40
	historyMagic   = "KVHIST1\n"
	historyMarksAt = historyHead + historyIdent
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Mark says that the stream of a history is at Offset where a file is at Pos.
type Mark struct {
	Pos, Offset int64
	ID          string
	sum         uint32
}

// Identity tells a file from others while it is empty.
type Identity struct {
	File, Base string
	BaseSize   int64
}

// Identify returns the identity of a file behind the base of a manifest.
func (d *Dir) Identify(m *Manifest, file string) Identity {
	id := Identity{File: file}
	if m.Base != nil {
		id.Base = m.Base.Name
		if info, err := d.FS.Stat(d.Path(id.Base)); err == nil {
			id.BaseSize = info.Size
		}
	}
	return id
}

// HistoryName returns the name of the history file.
func (d *Dir) HistoryName() string { return d.Filename + historySuffix }

// DropHistory removes the history file if there is one.
func (d *Dir) DropHistory() error {
	name := d.Path(d.HistoryName())
	if !vfs.Exists(d.FS, name) {
		return nil
	}
	return failed("Can't remove the AOF history file", d.HistoryName(), d.FS.Remove(name))
}

// Past is what a history file says of a file of the log.
type Past struct {
	File  string
	Marks []Mark
	nonce uint64
	size  int64 // of the file that was looked at
	sum   uint32
}

// HistoryLog writes the history file. Not safe for concurrent use, but for Sync.
type HistoryLog struct {
	f      vfs.File
	nonce  uint64
	count  int
	last   Mark
	pos    int64 // end of the log's file
	sum    uint32
	wasPos int64 // before the write announced last
	wasSum uint32
	buf    [historyMark]byte
}

// BeginHistory replaces the history file: the log's file of that identity has pos bytes,
// where history id is at an offset. nonce is a number that was never used before.
func (d *Dir) BeginHistory(nonce uint64, ident Identity, pos int64, id string, offset int64) (*HistoryLog, error) {
	f, err := d.FS.Create(d.Path(d.HistoryName()))
	if err != nil {
		return nil, err
	}
	h := &HistoryLog{f: f, nonce: nonce, pos: pos}
	if err = h.Identify(ident); err == nil {
		err = h.Mark(id, offset)
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, err
	}
	return h, nil
}

// ContinueHistory goes on with a file of the log that p is about and that was loaded up
// to pos, at the end of a command. Marks behind that are forgotten.
func (d *Dir) ContinueHistory(p *Past, pos int64) (*HistoryLog, error) {
	for len(p.Marks) > 0 && p.Marks[len(p.Marks)-1].Pos > pos {
		p.Marks = p.Marks[:len(p.Marks)-1]
	}
	if len(p.Marks) == 0 {
		return nil, errors.New("aof: the history begins behind the end of the file")
	}
	if pos != p.size {
		var err error
		if p.sum, err = d.sumOf(p.File, p.Marks[0].Pos, pos); err != nil {
			return nil, err
		}
	}
	f, err := d.FS.Edit(d.Path(d.HistoryName()))
	if err != nil {
		return nil, err
	}
	h := &HistoryLog{f: f, nonce: p.nonce, count: len(p.Marks), last: p.Marks[len(p.Marks)-1], pos: pos, sum: p.sum}
	if err := h.head(pos, h.sum); err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, err
	}
	return h, nil
}

// Last returns the mark written last.
func (h *HistoryLog) Last() Mark { return h.last }

// Marks returns how many there are.
func (h *HistoryLog) Marks() int { return h.count }

// Mark says where the stream is at the end of the log's file, which is the end of a
// command.
func (h *HistoryLog) Mark(id string, offset int64) error {
	if h.count == 0 || h.last.Pos != h.pos {
		h.count++
	}
	h.last = Mark{Pos: h.pos, Offset: offset, ID: id, sum: h.sum}
	b := h.buf[:0]
	b = binary.LittleEndian.AppendUint64(b, uint64(h.pos))
	b = binary.LittleEndian.AppendUint64(b, uint64(offset))
	b = append(b, id...)
	b = binary.LittleEndian.AppendUint32(b[:16+historyIDSize], h.sum)
	if _, err := h.f.WriteAt(h.sealed(b), historyMarksAt+int64(h.count-1)*historyMark); err != nil {
		return err
	}
	return h.head(h.pos, h.sum)
}

// Announce says that b will be appended to the log's file.
func (h *HistoryLog) Announce(b []byte) error {
	h.wasPos, h.wasSum = h.pos, h.sum
	pos, sum := h.pos+int64(len(b)), crc32.Update(h.sum, castagnoli, b)
	err := h.head(pos, sum)
	h.pos, h.sum = pos, sum
	return err
}

// Unannounce says that it was not, nor any of it.
func (h *HistoryLog) Unannounce() { h.pos, h.sum = h.wasPos, h.wasSum }

func (h *HistoryLog) head(next int64, nextSum uint32) error {
	b := append(h.buf[:0], historyMagic...)
	b = binary.LittleEndian.AppendUint64(b, h.nonce)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.count))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.pos))
	b = binary.LittleEndian.AppendUint64(b, uint64(next))
	b = binary.LittleEndian.AppendUint32(b, h.sum)
	b = binary.LittleEndian.AppendUint32(b, nextSum)
	b = h.buf[:historyHead-4] // what is behind stays: the sum covers it
	_, err := h.f.WriteAt(h.sealed(b), 0)
	return err
}

// Identify changes the identity of the file.
func (h *HistoryLog) Identify(ident Identity) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(ident.BaseSize))
	b = append(append(b, ident.File...), 0)
	b = append(append(b, ident.Base...), 0)
	if len(b) > historyIdent-4 {
		return errors.New("aof: the names of files are too long")
	}
	b = append(b, make([]byte, historyIdent-4-len(b))...)
	_, err := h.f.WriteAt(h.sealed(b), historyHead)
	return err
}

// sealed appends the sum of a record.
func (h *HistoryLog) sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, recordSum(h.nonce, b))
}

func recordSum(nonce uint64, b []byte) uint32 {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], nonce)
	return crc32.Update(crc32.Checksum(n[:], castagnoli), castagnoli, b)
}

// Sync brings the file to the disk.
func (h *HistoryLog) Sync() error { return h.f.Sync() }

// Close closes it.
func (h *HistoryLog) Close() error { return h.f.Close() }

// sumOf returns the sum of a part of a file of the log.
func (d *Dir) sumOf(name string, from, to int64) (uint32, error) {
	f, err := d.FS.Open(d.Path(name))
	if err != nil {
		return 0, err
	}
	sum := crc32.New(castagnoli)
	_, err = io.Copy(sum, io.NewSectionReader(f, from, to-from))
	return sum.Sum32(), errors.Join(err, f.Close())
}

// ReadHistory returns what the history file says of the end of the log, nil if it says
// nothing that can be relied on. The error is one of reading files.
func (d *Dir) ReadHistory(m *Manifest) (*Past, error) {
	data, err := vfs.ReadFile(d.FS, d.Path(d.HistoryName()))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, failed("Can't read the AOF history file", d.HistoryName(), err)
	}
	r, ok := parseHistory(data)
	if !ok {
		return nil, nil
	}
	p := &Past{nonce: r.nonce, Marks: r.marks}
	if p.File, p.size, err = d.lastData(m, r.ident.File); err != nil || p.File == "" {
		return nil, err
	}
	if p.size > r.next || p.size < r.marks[0].Pos {
		return nil, nil
	}
	shown, err := d.verify(p, r)
	if err != nil || !shown && r.ident != d.Identify(m, p.File) {
		return nil, err
	}
	if len(p.Marks) == 0 {
		return nil, nil
	}
	return p, nil
}

// historyRecords are what stands in a history file.
type historyRecords struct {
	nonce        uint64
	marks        []Mark
	pos, next    int64
	sum, nextSum uint32
	ident        Identity
}

func parseHistory(data []byte) (r historyRecords, ok bool) {
	if len(data) < historyMarksAt || string(data[:len(historyMagic)]) != historyMagic {
		return r, false
	}
	r.nonce = binary.LittleEndian.Uint64(data[8:])
	intact := func(b []byte) bool {
		n := len(b) - 4
		return binary.LittleEndian.Uint32(b[n:]) == recordSum(r.nonce, b[:n])
	}
	head, ident := data[:historyHead], data[historyHead:historyMarksAt]
	marks := data[historyMarksAt:]
	count := binary.LittleEndian.Uint64(head[16:])
	if !intact(head) || !intact(ident) || count == 0 || count > uint64(len(marks)/historyMark) {
		return r, false
	}
	r.pos, r.next = int64(binary.LittleEndian.Uint64(head[24:])), int64(binary.LittleEndian.Uint64(head[32:]))
	r.sum, r.nextSum = binary.LittleEndian.Uint32(head[40:]), binary.LittleEndian.Uint32(head[44:])
	r.ident.BaseSize = int64(binary.LittleEndian.Uint64(ident))
	words := bytes.SplitN(ident[8:], []byte{0}, 3)
	if len(words) != 3 {
		return r, false
	}
	r.ident.File, r.ident.Base = string(words[0]), string(words[1])
	for i := range int(count) {
		b := marks[i*historyMark : (i+1)*historyMark]
		if !intact(b) {
			return r, false
		}
		r.marks = append(r.marks, Mark{
			Pos: int64(binary.LittleEndian.Uint64(b)), Offset: int64(binary.LittleEndian.Uint64(b[8:])),
			ID: string(b[16 : 16+historyIDSize]), sum: binary.LittleEndian.Uint32(b[16+historyIDSize:]),
		})
	}
	return r, true
}

// lastData returns the file that the log ends with: the last incr file that is not empty,
// or an empty one behind it that has the name.
func (d *Dir) lastData(m *Manifest, name string) (file string, size int64, err error) {
	for i := len(m.Incr) - 1; i >= 0; i-- {
		f := m.Incr[i].Name
		info, err := d.FS.Stat(d.Path(f))
		if err != nil {
			return "", 0, failed("Unable to obtain the AOF file", f, err)
		}
		if info.Size > 0 || f == name {
			return f, info.Size, nil
		}
	}
	return "", 0, nil
}

// verify compares the log's file with the sums, and reports whether there were bytes to
// compare. Marks behind the end of the file are dropped. If something differs there are
// no marks left.
func (d *Dir) verify(p *Past, r historyRecords) (shown bool, err error) {
	f, err := d.FS.Open(d.Path(p.File))
	if err != nil {
		return false, failed("Can't open the append-only file", p.File, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	start := r.marks[0].Pos
	at, sum := start, crc32.New(castagnoli)
	const readBytes = 256 << 10
	in, buf := bufio.NewReaderSize(io.NewSectionReader(f, start, p.size-start), readBytes), make([]byte, readBytes)
	check := func(pos int64, want uint32) bool {
		if pos < at || pos > p.size {
			return pos > p.size
		}
		if _, err = io.CopyBuffer(sum, io.LimitReader(in, pos-at), buf); err != nil {
			return false
		}
		at = pos
		shown = shown || at > start
		return sum.Sum32() == want
	}
	points := append(append([]Mark(nil), r.marks...), Mark{Pos: r.pos, sum: r.sum}, Mark{Pos: r.next, sum: r.nextSum})
	for _, c := range points {
		if !check(c.Pos, c.sum) {
			p.Marks = nil
			return false, err
		}
	}
	known := shown
	if !check(p.size, 0) && err != nil {
		return false, err
	}
	shown = known // what stands behind the last sum was not compared
	p.sum = sum.Sum32()
	for len(p.Marks) > 0 && p.Marks[len(p.Marks)-1].Pos > p.size {
		p.Marks = p.Marks[:len(p.Marks)-1]
	}
	return shown, nil
}
