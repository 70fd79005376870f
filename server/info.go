package server

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"kvorum/command"
	"kvorum/config"
	"kvorum/engine"
	"kvorum/mem"
)

// section is a part of INFO: rows, or for lists of unknown length a function.
type section struct {
	title     string
	byDefault bool
	named     bool // only when its name is given, not with "all"
	fields    []field
	list      func(*report)
}

// field is a row of INFO. A nil value leaves the line out: it cannot be known
// on this system. Figures of parts that do not exist have no row.
type field struct {
	name  string
	value func(*report) any
}

// sections returns INFO in its order.
func sections() []section {
	return []section{
		{title: "Server", byDefault: true, fields: serverFields, list: (*report).listeners},
		{title: "Clients", byDefault: true, fields: clientFields},
		{title: "Memory", byDefault: true, fields: memoryFields},
		{title: "Persistence", byDefault: true, fields: persistenceFields},
		{title: "Stats", byDefault: true, fields: statsFields},
		{title: "Replication", byDefault: true, list: (*report).replication},
		{title: "CPU", byDefault: true, fields: cpuFields},
		{title: "Modules", byDefault: true},
		{title: "Commandstats", list: (*report).commandStats},
		{title: "Errorstats", byDefault: true, list: (*report).errorStats},
		{title: "Latencystats", list: (*report).latencyStats},
		{title: "Cluster", byDefault: true, fields: []field{constant("cluster_enabled", 0)}},
		{title: "Keyspace", byDefault: true, list: (*report).keyspace},
		{title: "Kvorum", byDefault: true, fields: kvorumFields},
		{title: "Debug", named: true, fields: debugFields},
	}
}

// Info implements command.Host.
func (s *Server) Info(want command.InfoFilter) string {
	return (&report{s: s, nowMs: s.clock.NowMs()}).write(want)
}

// crashInfo is a section of INFO after a crash: without what event loops would
// have to be asked for.
func (s *Server) crashInfo(name string) string {
	r := &report{s: s, nowMs: s.clock.NowMs(), crashed: true}
	return r.write(func(section string, _, _ bool) bool { return section == name })
}

func (r *report) write(want command.InfoFilter) string {
	for _, sec := range sections() {
		if !want(strings.ToLower(sec.title), sec.byDefault, sec.named) {
			continue
		}
		if r.text.Len() > 0 {
			r.text.WriteString("\r\n")
		}
		fmt.Fprintf(&r.text, "# %s\r\n", sec.title)
		for _, f := range sec.fields {
			if v := f.value(r); v != nil {
				fmt.Fprintf(&r.text, "%s:%v\r\n", f.name, v)
			}
		}
		if sec.list != nil {
			sec.list(r)
		}
	}
	return r.text.String()
}

// report is an INFO being written. Figures that cost something are read when a
// row first wants them, and once.
type report struct {
	s     *Server
	nowMs int64
	text  strings.Builder

	crashed bool // event loops may not answer any more

	totalsRead bool
	totals     engine.Totals
	memRead    bool
	mem        mem.Stats
	gone       goFigures
	rss        int64
	usedBytes  int64
	process    processFigures
	cpuRead    bool
	dbs        []dbFigures
	loops      loopSums
	loopsRead  bool
}

func (r *report) counts() *engine.Totals {
	if !r.totalsRead {
		r.totals, r.totalsRead = r.s.eng.Totals(), true
	}
	return &r.totals
}

// memory reads what all rows about memory are computed from.
func (r *report) memory() *mem.Stats {
	if !r.memRead {
		r.memRead = true
		r.mem, r.gone, r.rss = mem.ReadStats(), readGo(), residentBytes()
		r.usedBytes = r.s.eng.UsedMemory()
		r.s.stats.notePeak(r.usedBytes)
	}
	return &r.mem
}

func (r *report) used() int64 {
	r.memory()
	return r.usedBytes
}

// overhead is what is used besides records and their values.
func (r *report) overhead() int64 {
	m := r.memory()
	return r.used() - m.Used[mem.KindRecord] - m.Used[mem.KindBlob]
}

func (r *report) cpu() *processFigures {
	if !r.cpuRead {
		r.process, r.cpuRead = readProcess(), true
	}
	return &r.process
}

// setting reads a directive.
func (r *report) setting(read func(*config.Config) any) any {
	r.s.cfgMu.RLock()
	defer r.s.cfgMu.RUnlock()
	return read(r.s.cfg)
}

func constant(name string, v any) field { return field{name, func(*report) any { return v }} }

// human returns bytes as Redis shows them to people.
func human(n int64) string {
	const unit = 1024
	f := float64(n)
	switch {
	case n < unit:
		return strconv.FormatInt(n, 10) + "B"
	case f < unit*unit:
		return fixed2(f/unit) + "K"
	case f < unit*unit*unit:
		return fixed2(f/(unit*unit)) + "M"
	case f < unit*unit*unit*unit:
		return fixed2(f/(unit*unit*unit)) + "G"
	}
	return fixed2(f/(unit*unit*unit*unit)) + "T"
}

func fixed2(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

func percent(part, whole int64) string {
	if whole == 0 {
		return "0.00%"
	}
	return fixed2(float64(part)/float64(whole)*100) + "%"
}

func ratio(a, b int64) string {
	if b == 0 {
		return "0.00"
	}
	return fixed2(float64(a) / float64(b))
}

func (r *report) commandStats() {
	t := r.counts()
	for _, spec := range r.s.table.Specs() {
		st := &t.PerCommand[spec.ID]
		if st.Calls == 0 && st.Rejected == 0 && st.Failed == 0 {
			continue
		}
		usec := r.s.clock.TicksToNs(int64(st.Ticks)) / 1000
		per := 0.0
		if st.Calls > 0 {
			per = float64(usec) / float64(st.Calls)
		}
		fmt.Fprintf(&r.text, "cmdstat_%s:calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d\r\n",
			spec.FullName(), st.Calls, usec, per, st.Rejected, st.Failed)
	}
}

func (r *report) errorStats() {
	codes := r.counts().ErrorCodes
	names := make([]string, 0, len(codes))
	for name := range codes {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&r.text, "errorstat_%s:count=%d\r\n", name, codes[name])
	}
}

func (r *report) latencyStats() {
	var points []float64
	r.s.cfgMu.RLock()
	if r.s.cfg.Bool("latency-tracking") {
		points = r.s.cfg.Percentiles()
	}
	r.s.cfgMu.RUnlock()
	if len(points) == 0 {
		return
	}
	measured := r.s.eng.Latencies()
	for _, spec := range r.s.table.Specs() {
		h := measured[spec.ID]
		if h == nil {
			continue
		}
		fmt.Fprintf(&r.text, "latency_percentiles_usec_%s:", spec.FullName())
		for i, p := range points {
			if i > 0 {
				r.text.WriteByte(',')
			}
			const nsPerUs = 1000
			fmt.Fprintf(&r.text, "p%s=%.3f", strconv.FormatFloat(p, 'f', -1, 64), float64(h.Percentile(p))/nsPerUs)
		}
		r.text.WriteString("\r\n")
	}
}

func (r *report) listeners() {
	for _, line := range r.s.listenerLines() {
		r.text.WriteString(line + "\r\n")
	}
}

func (r *report) keyspace() {
	for i, db := range r.databases() {
		if db.keys > 0 {
			fmt.Fprintf(&r.text, "db%d:keys=%d,expires=%d,avg_ttl=%d\r\n", i, db.keys, db.volatile, db.averageTTL)
		}
	}
}
